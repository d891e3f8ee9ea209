//! Where the files of a wheel go.

use std::collections::BTreeMap;

use haute_container::layer::{Content, EntryKind, LayerTree};
use haute_container::wheel::install;

use crate::archives::{WheelMaker, keep, words};

fn files(tree: &LayerTree) -> BTreeMap<String, bool> {
    tree.entries()
        .filter_map(|entry| match entry.kind {
            EntryKind::File { executable, .. } => Some((entry.path.to_owned(), *executable)),
            _ => None,
        })
        .collect()
}

fn generated(tree: &LayerTree, path: &str) -> String {
    let entry = tree.entries().find(|entry| entry.path == path).unwrap();
    match entry.kind {
        EntryKind::File { content: Content::Bytes(bytes), .. } => String::from_utf8(bytes.clone()).unwrap(),
        other => unreachable!("{path} is {other:?}"),
    }
}

#[test]
fn every_part_of_a_wheel_has_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = WheelMaker::new("my-pkg", "2.0")
        .file("my_pkg/__init__.py", "import my_pkg.core\n")
        .stored("my_pkg/core.so", words(5_000, 1))
        .program("my_pkg/bin/tool", "#!/bin/sh\n")
        .file("namespace/part/mod.py", "x = 1\n")
        .file("my_pkg.pth", "/somewhere\n")
        .file("my_pkg-2.0.data/purelib/pure.py", "y = 1\n")
        .file("My.Pkg-2.0.data/platlib/native.py", "z = 1\n")
        .file("my_pkg-2.0.data/scripts/run-me", "#!python\n")
        .file("my_pkg-2.0.data/headers/my.h", "int x;\n")
        .file("my_pkg-2.0.data/data/share/my/table.csv", "1,2\n")
        .file("my_pkg-2.0.data/data/share/man/man1/my.1", ".TH\n")
        .file("my_pkg-2.0.dist-info/entry_points.txt", "[console_scripts]\nrun = my_pkg:main\n")
        .file("my_pkg-2.0.dist-info/licenses/LICENSE", "do as you like\n")
        .file("my_pkg/tests/test_a.py", "assert True\n")
        .bytes();
    let wheel = keep(directory.path(), "my_pkg-2.0-py3-none-any.whl", &bytes);
    let tree = install(&wheel).unwrap();
    let root = "opt/haute/lib";
    let expected: BTreeMap<String, bool> = [
        "my_pkg-2.0.dist-info/INSTALLER",
        "my_pkg-2.0.dist-info/METADATA",
        "my_pkg-2.0.dist-info/RECORD",
        "my_pkg-2.0.dist-info/WHEEL",
        "my_pkg-2.0.dist-info/entry_points.txt",
        "my_pkg-2.0.dist-info/licenses/LICENSE",
        "my_pkg.pth",
        "my_pkg/__init__.py",
        "my_pkg/core.so",
        // A distribution nobody looked at keeps its tests.
        "my_pkg/tests/test_a.py",
        "namespace/part/mod.py",
        "native.py",
        "pure.py",
    ]
    .map(|path| (format!("{root}/{path}"), false))
    .into_iter()
    .chain([(format!("{root}/my_pkg/bin/tool"), true), ("opt/haute/share/my/table.csv".to_owned(), false)])
    .collect();
    assert_eq!(files(&tree), expected);

    let record = generated(&tree, &format!("{root}/my_pkg-2.0.dist-info/RECORD"));
    let listed: Vec<&str> = record.lines().map(|line| line.split(',').next().unwrap()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    // The record itself comes last; everything before it is in order.
    assert_eq!(
        listed[..listed.len() - 1],
        sorted.iter().copied().filter(|p| !p.ends_with("RECORD")).collect::<Vec<_>>()
    );
    assert_eq!(listed.len(), expected.len());
    assert!(record.starts_with("../share/my/table.csv,sha256=of-39,4\n"), "{record}");
    assert!(record.contains("\npure.py,sha256=of-31,6\n"), "{record}");
    assert!(record.ends_with("my_pkg-2.0.dist-info/RECORD,,\n"), "{record}");
    assert_eq!(generated(&tree, &format!("{root}/my_pkg-2.0.dist-info/INSTALLER")), "haute-cli\n");
}

#[test]
fn what_nothing_runs_is_left_out_and_the_record_knows() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = WheelMaker::new("numpy", "2.0")
        .file("numpy/__init__.py", "")
        .file("numpy/__init__.pyi", "")
        .file("numpy/py.typed", "")
        .file("numpy/__pycache__/a.cpython-311.pyc", "")
        .file("numpy/_core/tests/test_x.py", "")
        .file("numpy/_core/tests/data/astype_copy.pkl", "")
        .file("numpy/testing/__init__.py", "")
        .file("numpy/_core/include/numpy/arrayobject.h", "")
        .file("numpy/_core/lib/libnpymath.a", "")
        .file("numpy/random/_mt.pyx", "")
        .file("numpy/config.cfg", "")
        .file("numpy/core.c", "")
        .file("numpy/data.csv", "")
        .file("tests/__init__.py", "")
        .bytes();
    let tree = install(&keep(directory.path(), "numpy-2.0-py3-none-any.whl", &bytes)).unwrap();
    let kept: Vec<String> = files(&tree)
        .into_keys()
        .filter(|path| !path.contains(".dist-info"))
        .map(|path| path.trim_start_matches("opt/haute/lib/").to_owned())
        .collect();
    let expected = [
        "numpy/__init__.py",
        "numpy/config.cfg",
        "numpy/data.csv",
        "numpy/py.typed",
        "numpy/testing/__init__.py",
        "tests/__init__.py",
    ];
    assert_eq!(kept, expected);
    let record = generated(&tree, "opt/haute/lib/numpy-2.0.dist-info/RECORD");
    assert!(!record.contains("tests/test_x.py") && !record.contains(".pyi"), "{record}");
}
