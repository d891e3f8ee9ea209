//! A layer is never held whole, however large it is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use haute_container::oci::{Descriptor, Manifest, media_type, to_bytes};
use haute_container::registry::{Anonymous, BlobSource, NothingMissing, Push, PushBlob, PushSource};
use haute_core::digest::Digest;
use haute_core::event::NullSink;
use haute_core::target::{Cancellation, Context};
use haute_test_services::{Program, Registry, RegistryOptions};
use libtest_mimic::Trial;

use crate::expect::trial;
use crate::image::{REPOSITORY, TAG};
use crate::stage::{block_on, client_of, quick};

/// The first argument of the process that pushes and says what it held.
pub(crate) const CHILD: &str = "push-and-measure";

/// The size of the layer, in MiB: four times what may be held.
const SIZE: u64 = 256;

/// What may be held, in MiB.
const ALLOWED: u64 = 64;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("memory::of_a_push_does_not_grow_with_a_layer", does_not_grow)]
}

/// Pushed by a process of its own, because memory is counted by process.
fn does_not_grow() {
    let registry = Registry::start(RegistryOptions::plain()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    File::create(&path).unwrap().set_len(SIZE << 20).unwrap();
    // Hashing so much without optimisation takes long.
    let sum = Program::find("sha256sum").unwrap().run([path.as_os_str()]).unwrap();
    let digest = format!("sha256:{}", sum.split_whitespace().next().unwrap());
    let child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, registry.address(), &digest])
        .arg(&path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    assert_eq!(registry.tags(REPOSITORY).unwrap(), [TAG]);
    assert_eq!(registry.blobs().get(&Digest::parse(&digest).unwrap()), Some(&(SIZE << 20)));
    let held: u64 = String::from_utf8(child.stdout).unwrap().trim().parse().unwrap();
    assert!(held <= ALLOWED, "{held} MiB were held to push a layer of {SIZE} MiB");
}

/// Pushes an image of one layer and prints the most memory that was held, in MiB (proc(5), `VmHWM`).
pub(crate) fn child(arguments: &[String]) {
    let [address, digest, path] = arguments else { panic!("address, digest and path are missing") };
    let path: PathBuf = Path::new(path).to_owned();
    let size = std::fs::metadata(&path).unwrap().len();
    let layer = Descriptor::new(media_type::LAYER_GZIP, Digest::parse(digest).unwrap(), size);
    let text =
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#.as_slice();
    let configuration = Descriptor::of(media_type::CONFIG, text);
    let manifest = to_bytes(&Manifest::new(configuration.clone(), vec![layer.clone()])).unwrap();
    let blobs = vec![
        PushBlob::new(layer, PushSource::Blob(BlobSource::File(path))),
        PushBlob::new(configuration, PushSource::Blob(BlobSource::Bytes(text.into()))),
    ];
    let push = Push::new(REPOSITORY, blobs, manifest, media_type::MANIFEST).with_tag(TAG);
    let client = client_of(address, Arc::new(Anonymous), &quick());
    let context = Context::new(Arc::new(NullSink), Cancellation::default());
    block_on(client.push(&push, &NothingMissing, &context)).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    println!("{}", kibibytes.div_ceil(1024));
}
