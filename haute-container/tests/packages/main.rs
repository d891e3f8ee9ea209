//! Real wheels of the package index: what a layer holds against what an installer installs, and what Python makes of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;

use haute_container::index::{IndexSettings, WheelStore};
use haute_container::layer::{Compression, LayerBuild, LayerTree, tar};
use haute_container::wheel::{
    Locked, Tags, WheelArchive, WheelName, WheelPlan, WheelTarget, Wheels, read_lock, trim,
};
use haute_core::event::NullSink;
use haute_core::python::PythonVersion;
use haute_core::release::lock::{Platform, normalise};
use haute_core::target::{Cancellation, Context};
use haute_core::variables::Variables;
use haute_test_services::{Program, both, require, test};
use libtest_mimic::{Arguments, Failed, Trial};

/// Small and large, pure and native, with stubs, tests, entry points, a `.pth` file and libraries of their own.
const WANTED: &str = "packaging\norjson\nuvloop\npydantic\nnumpy\nuvicorn\ncoloredlogs\n";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let needs = || {
        let amd = Platform::of_host() == Some(Platform::LinuxAmd64);
        let python = require("Python 3.11", Program::find("python3.11"));
        let installer = require("`uv`", Program::find("uv").filter(|_| amd));
        both(python, installer)
    };
    let trials: Vec<Trial> = vec![
        test("what is installed is what an installer installs", needs(), as_an_installer),
        test("the wheels of another machine are chosen and laid out", needs(), for_another_machine),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The lock of [`WANTED`] for a platform as uv names it.
fn lock(uv: &Program, directory: &Path, platform: &str) -> (Vec<Locked>, PathBuf) {
    let (wanted, lock) = (directory.join("wanted.in"), directory.join("lock.txt"));
    std::fs::write(&wanted, WANTED).unwrap();
    let flags = [
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--only-binary",
        ":all:",
    ];
    let mut compile = uv.command();
    compile.args(flags).args(["--python-version", "3.11", "--python-platform", platform]).arg(&wanted);
    let text = String::from_utf8(succeed(&mut compile).stdout).unwrap();
    std::fs::write(&lock, &text).unwrap();
    (read_lock(&text).unwrap(), lock)
}

fn fetch(lock: &[Locked], target: WheelTarget, directory: &Path) -> Wheels {
    let settings = IndexSettings::from_variables(&Variables::of_process()).unwrap();
    let store = WheelStore::new(settings, directory.join("wheels"));
    let context = Context::new(Arc::new(NullSink), Cancellation::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.fetch(&context, lock, &target)).unwrap()
}

fn target(platform: Platform) -> WheelTarget {
    WheelTarget::new(PythonVersion::parse("3.11").unwrap(), platform).unwrap()
}

/// Unpacks a layer by another program than ours.
fn unpack(tree: &LayerTree, into: &Path) {
    std::fs::create_dir_all(into).unwrap();
    let archive = into.join("layer.tar");
    let mut file = std::fs::File::create(&archive).unwrap();
    tar::write_tar(tree, &mut file, &Cancellation::default()).unwrap();
    succeed(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(into));
    std::fs::remove_file(&archive).unwrap();
}

/// Every file below `root` but byte code: its bytes, and whether it is a program.
fn files(root: &Path) -> BTreeMap<String, (Vec<u8>, bool)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let program = path.metadata().unwrap().permissions().mode() & 0o111 != 0;
            if !name.contains("__pycache__") {
                found.insert(name, (std::fs::read(&path).unwrap(), program));
            }
        }
    }
    found
}

fn as_an_installer((python, uv): (Program, Program)) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let (lock, lock_file) = lock(&uv, directory.path(), "x86_64-manylinux_2_28");
    let target = target(Platform::LinuxAmd64);
    let wheels = fetch(&lock, target, directory.path());

    let environment = directory.path().join("environment");
    succeed(python.command().args(["-m", "venv", "--without-pip"]).arg(&environment));
    let mut install = uv.command();
    install.args([
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--link-mode",
        "copy",
        "--python",
    ]);
    succeed(install.arg(environment.join("bin/python")).arg("-r").arg(&lock_file));
    let mut expected = files(&environment.join("lib/python3.11/site-packages"));

    let root = directory.path().join("root");
    for layer in WheelPlan::new(&lock, target, &BTreeSet::new()).layers() {
        let tree = layer.tree(&wheels).unwrap();
        unpack(&tree, &root);
        // Unpacking held every file to its length and checksum; the compressed forms must come to the same tar.
        if tar::tar_size(&tree) < 8 * 1024 * 1024 {
            let both = [Compression::Gzip, Compression::Zstd].map(|compression| {
                LayerBuild::new(compression, directory.path()).build(&tree).unwrap().diff_id
            });
            assert_eq!(both[0], both[1]);
        }
    }
    let library = root.join("opt/haute/lib");
    let mut installed = files(&library);
    assert!(installed.remove("sitecustomize.py").is_some());

    // What installers write about themselves differs, and so do lists of what is there.
    let own = ["INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"];
    let told = |path: &String| {
        path.contains(".dist-info/") && own.iter().any(|name| path.ends_with(&format!("/{name}")))
    };
    installed.retain(|path, _| !told(path));
    expected.retain(|path, _| !told(path) && !path.starts_with("_virtualenv"));
    let left_out: BTreeSet<String> = wheels
        .iter()
        .flat_map(|wheel| {
            let archive = WheelArchive::open(&wheel.path).unwrap();
            let out = |path: &str| trim::left_out(&wheel.name, path).is_some();
            archive
                .members
                .into_iter()
                .map(|member| member.path)
                .filter(move |path| out(path))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(left_out.iter().any(|path| path.starts_with("numpy/_core/tests/")));
    expected.retain(|path, _| !left_out.contains(path));
    let names = |files: &BTreeMap<String, (Vec<u8>, bool)>| files.keys().cloned().collect::<BTreeSet<_>>();
    let (ours, theirs) = (names(&installed), names(&expected));
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new(), "installed here alone");
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new(), "installed there alone");
    for (path, ours) in &installed {
        assert!(*ours == expected[path], "{path} is another file");
    }

    let question = r#"
import base64, hashlib, importlib.metadata as metadata, sys
import coloredlogs, numpy, orjson, packaging, pydantic, uvloop, uvicorn
assert "/opt/haute/lib/" in numpy.__file__, numpy.__file__
assert numpy.linalg.inv(numpy.eye(3)).sum() == 3
class Quote(pydantic.BaseModel):
    age: int
assert orjson.loads(Quote(age="30").model_dump_json()) == {"age": 30}
for name in sys.argv[1:]:
    distribution = metadata.distribution(name)
    assert any(point.name == "uvicorn" for point in distribution.entry_points) or name != "uvicorn"
    for file in distribution.files:
        path = file.locate()
        data = path.read_bytes()
        if file.hash is not None:
            found = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).rstrip(b"=").decode()
            assert found == file.hash.value and file.size == len(data), file
    print(name, distribution.version)
"#;
    // `coloredlogs` brings a `.pth` file, which only a site directory reads: it is here when the start-up file works.
    let found = succeed(
        python
            .command()
            .env_clear()
            .env("PYTHONPATH", &library)
            .args(["-B", "-c", question])
            .args(lock.iter().map(|locked| &locked.name)),
    );
    let expected: Vec<String> =
        lock.iter().map(|locked| format!("{} {}", locked.name, locked.version)).collect();
    assert_eq!(String::from_utf8(found.stdout)?.lines().collect::<Vec<_>>(), expected);

    std::fs::write(library.join("marker.pth"), "import sys; sys.marked = True\n")?;
    succeed(python.command().env_clear().env("PYTHONPATH", &library).args([
        "-B",
        "-c",
        "import sys; assert sys.marked",
    ]));
    Ok(())
}

fn for_another_machine((_, uv): (Program, Program)) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let (lock, _) = lock(&uv, directory.path(), "aarch64-manylinux_2_28");
    let target = target(Platform::LinuxArm64);
    let wheels = fetch(&lock, target, directory.path());
    let tags = Tags::new(&target);
    for locked in &lock {
        let wheel = wheels.of(locked).unwrap();
        let name = WheelName::parse(&wheel.file_name).unwrap();
        assert_eq!(
            (&name.distribution, normalise(&name.version)),
            (&locked.name, normalise(&locked.version))
        );
        assert!(matches!(tags.fit(&name), haute_container::wheel::Fit::Usable(_)), "{}", wheel.file_name);
    }
    let root = directory.path().join("root");
    for layer in WheelPlan::new(&lock, target, &BTreeSet::new()).layers() {
        unpack(&layer.tree(&wheels).unwrap(), &root);
    }
    let mut objects = 0;
    for (path, (bytes, _)) in files(&root) {
        if bytes.starts_with(b"\x7fELF") {
            // ELF header, `e_machine`: 183 is AArch64.
            assert_eq!(bytes.get(18..20), Some(&[183, 0][..]), "{path}");
            objects += 1;
        }
    }
    assert!(objects > 20, "{objects} objects");
    Ok(())
}
