//! How a lock becomes layers.

use std::collections::BTreeSet;

use haute_container::layer::{Compression, LayerKey};
use haute_container::wheel::{Locked, MAX_WHEEL_LAYERS, WheelLayer, WheelPlan, WheelTarget, Wheels};
use haute_core::python::PythonVersion;
use haute_core::release::lock::Platform;

use crate::archives::{WheelMaker, keep, locked};

fn target(python: &str, platform: Platform) -> WheelTarget {
    WheelTarget::new(PythonVersion::parse(python).unwrap(), platform).unwrap()
}

fn amd() -> WheelTarget {
    target("3.11", Platform::LinuxAmd64)
}

fn lock(count: usize) -> Vec<Locked> {
    (0..count)
        .map(|number| locked(&format!("pkg-{number}"), "1.0", &[format!("file {number}").as_bytes()]))
        .collect()
}

fn keys(lock: &[Locked], target: WheelTarget) -> Vec<LayerKey> {
    let plan = WheelPlan::new(lock, target, &BTreeSet::new());
    plan.layers().iter().map(|layer| layer.key(Compression::Zstd).unwrap()).collect()
}

fn changed(one: &[LayerKey], other: &[LayerKey]) -> usize {
    let one: BTreeSet<_> = one.iter().collect();
    other.iter().filter(|key| !one.contains(key)).count()
}

#[test]
fn each_distribution_is_a_layer_and_a_change_of_one_changes_one() {
    let before = lock(40);
    assert_eq!(keys(&before, amd()).len(), 41);
    let mut after = before.clone();
    after[7] = locked("pkg-7", "1.1", &[b"another file"]);
    assert_eq!(changed(&keys(&before, amd()), &keys(&after, amd())), 1);
    after.remove(3);
    assert_eq!(changed(&keys(&before, amd()), &keys(&after, amd())), 1);
    // The start-up file is the same for all of them; nothing else is shared between platforms or Pythons.
    for other in [target("3.11", Platform::LinuxArm64), target("3.12", Platform::LinuxAmd64)] {
        assert_eq!(changed(&keys(&before, amd()), &keys(&before, other)), 41);
    }
}

#[test]
fn many_distributions_share_a_bounded_number_of_layers_and_stay_where_they_are() {
    let before = lock(300);
    let all = keys(&before, amd());
    assert!(all.len() <= MAX_WHEEL_LAYERS + 1, "{}", all.len());
    let plan = WheelPlan::new(&before, amd(), &BTreeSet::new());
    let held: usize = plan.layers().iter().map(|layer| layer.distributions().len()).sum();
    assert_eq!(held, 300);
    let mut after = before.clone();
    after.push(locked("one-more", "1.0", &[b"new"]));
    assert_eq!(changed(&all, &keys(&after, amd())), 1);
}

#[test]
fn what_is_left_out_has_no_layer_and_leaves_the_others_alone() {
    let lock = lock(5);
    let left_out = BTreeSet::from(["pkg-2".to_owned()]);
    let plan = WheelPlan::new(&lock, amd(), &left_out);
    let names: Vec<_> =
        plan.layers().iter().flat_map(WheelLayer::distributions).map(|locked| locked.name.as_str()).collect();
    assert_eq!(names, ["pkg-0", "pkg-1", "pkg-3", "pkg-4"]);
    let kept: Vec<_> = plan.layers().iter().map(|layer| layer.key(Compression::Zstd).unwrap()).collect();
    assert_eq!(changed(&keys(&lock, amd()), &kept), 0);
}

#[test]
fn a_layer_holds_its_wheels_and_the_first_the_start_up_file() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = WheelMaker::new("six", "1.0").file("six.py", "x = 1\n").bytes();
    let wheels: Wheels = [keep(directory.path(), "six-1.0-py3-none-any.whl", &bytes)].into_iter().collect();
    let plan = WheelPlan::new(&[locked("six", "1.0", &[&bytes])], amd(), &BTreeSet::new());
    let [start, six] = plan.layers() else { unreachable!("{plan:?}") };
    assert!(start.tree(&wheels).unwrap().contains("opt/haute/lib/sitecustomize.py"));
    assert!(six.tree(&wheels).unwrap().contains("opt/haute/lib/six.py"));
    // A wheel that is not the lock's is not taken, whatever it is called.
    let other = WheelPlan::new(&[locked("six", "1.0", &[b"other bytes"])], amd(), &BTreeSet::new());
    assert!(other.layers()[1].tree(&wheels).is_err());
}

#[test]
fn a_wheel_may_not_bring_the_start_up_file() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = WheelMaker::new("apm", "1.0").file("sitecustomize.py", "import apm\n").bytes();
    let wheels: Wheels = [keep(directory.path(), "apm-1.0-py3-none-any.whl", &bytes)].into_iter().collect();
    let plan = WheelPlan::new(&[locked("apm", "1.0", &[&bytes])], amd(), &BTreeSet::new());
    let error = plan.layers()[1].tree(&wheels).unwrap_err();
    assert!(error.message().contains("sitecustomize.py"), "{error}");
}
