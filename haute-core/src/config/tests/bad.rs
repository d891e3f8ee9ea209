//! Hostile configuration files: each is a named, clear diagnostic, never a panic.

use super::{codes, dump, options, project, report};

const START: &str = "[project]\nname = \"motor\"\npipeline = \"rating/main.py\"\n";

/// What is wrong, the text after a good `[project]`, and the codes.
const FILES: &[(&str, &str, &[&str])] = &[
    ("a table nobody knows", "[deplyo]\ntarget = \"container\"\n", &["HT0104"]),
    ("a target's table with an underscore", "[deploy.aws_ecs]\nregion = \"eu-west-1\"\n", &["HT0104"]),
    ("a table of a target that is not registered", "[deploy.nomad]\njob = \"motor\"\n", &["HT0104"]),
    ("a table at the wrong level", "[container]\nport = 1\n", &["HT0104"]),
    ("a table below a table without tables", "[mlflow.server]\nhost = \"x\"\n", &["HT0104"]),
    ("a misspelt key", "[deploy]\ntarget = \"local\"\nmodel_nmae = \"x\"\n", &["HT0105"]),
    ("a key of another table", "[deploy]\nport = 8080\n", &["HT0105"]),
    ("two misspelt keys", "[ci]\nprovder = \"github\"\n[server]\nhots = \"x\"\n", &["HT0105", "HT0105"]),
    ("a port as a string", "[deploy.container]\nport = \"8080\"\n", &["HT0106"]),
    ("a port as a float", "[deploy.container]\nport = 8080.0\n", &["HT0106"]),
    ("a port as a date", "[deploy.container]\nport = 2024-01-01\n", &["HT0106"]),
    ("a port that is 0", "[deploy.container]\nport = 0\n", &["HT0107"]),
    ("a port beyond 65535", "[deploy.container]\nport = 70000\n", &["HT0107"]),
    ("a negative port", "[deploy.container]\nport = -1\n", &["HT0107"]),
    ("a number beyond 64 bits", "[deploy.container]\nport = 99999999999999999999\n", &["HT0107"]),
    ("a float beyond 64 bits", "[deploy.container]\nport = 1e999\n", &["HT0106"]),
    ("a key outside of any table", "[deploy]\nci.x = 3\n", &["HT0104"]),
    ("a boolean as a string", "[deploy.databricks]\nserving_scale_to_zero = \"yes\"\n", &["HT0106"]),
    ("a string as an array", "[deploy]\nmodel_name = [\"a\"]\n", &["HT0106"]),
    ("an array of tables", "[[deploy]]\ntarget = \"local\"\n", &["HT0106"]),
    ("a string as a table", "[deploy.target]\nname = \"container\"\n", &["HT0106"]),
    ("a table as a number", "[deploy]\ncontainer = 3\n", &["HT0106"]),
    ("a table of this project as a number", "[deploy]\nlocal = 3\n", &["HT0106"]),
    ("numbers as column names", "[deploy]\noutput_fields = [\"premium\", 3]\n", &["HT0106"]),
    ("output fields as a string", "[deploy]\noutput_fields = \"premium\"\n", &["HT0106"]),
    ("no output field", "[deploy]\noutput_fields = []\n", &["HT0116"]),
    ("an output field twice", "[deploy]\noutput_fields = [\"premium\", \"premium\"]\n", &["HT0116"]),
    ("an output field without a name", "[deploy]\noutput_fields = [\"premium\", \"\"]\n", &["HT0116"]),
    ("a target nobody knows", "[deploy]\ntarget = \"aws-esc\"\n", &["HT0108"]),
    ("an empty target", "[deploy]\ntarget = \"\"\n", &["HT0108"]),
    ("a target with a terminal escape", "[deploy]\ntarget = \"\\u001b[31mcontainer\"\n", &["HT0108"]),
    ("a name with spaces", "[deploy]\ntarget = \"local\"\nmodel_name = \"Motor Pricing\"\n", &["HT0110"]),
    ("a name with a path", "[deploy]\ntarget = \"local\"\nmodel_name = \"../x\"\n", &["HT0110"]),
    ("an empty name", "[deploy]\nmodel_name = \"\"\n", &["HT0110"]),
    (
        "a base image with a command",
        "[deploy.container]\nbase_image = \"python:3.11.9; rm -rf /\"\n",
        &["HT0111"],
    ),
    ("a builder nobody has", "[deploy.container]\nbuilder = \"dirct\"\n", &["HT0107"]),
    ("a compression as a boolean", "[deploy.container]\ncompression = true\n", &["HT0106"]),
    ("a misspelt key of this project", "[deploy.container]\ncompresion = \"zstd\"\n", &["HT0105"]),
    ("a switch as a string", "[deploy.container]\nleave_out_unused = \"yes\"\n", &["HT0106"]),
    ("a distribution with a version", "[deploy.container]\nkeep = [\"a\", \"b==1\"]\n", &["HT0107"]),
    ("a tag with a slash", "[deploy.container]\nlatest_tag = \"a/b\"\n", &["HT0107"]),
    ("a registry with a scheme", "[deploy.container]\ninsecure_registries = [\"http://r\"]\n", &["HT0107"]),
    (
        "a password in a registry without TLS",
        "[deploy.container]\ninsecure_registries = [\"ci:hunter2@r:5000\"]\n",
        &["HT0117"],
    ),
    ("a base image with a line break", "[deploy.container]\nbase_image = \"python\\nRUN x\"\n", &["HT0111"]),
    ("a limit of 0 rows", "[deploy.serving]\nrow_limit = 0\n", &["HT0107"]),
    ("a deadline of a day", "[deploy.serving]\ndeadline_seconds = 86400\n", &["HT0107"]),
    ("a processor nobody builds for", "[deploy.build]\narchitecture = \"arm46\"\n", &["HT0107"]),
    ("a Python of another century", "[deploy.build]\npython = \"2.7\"\n", &["HT0107"]),
    ("a Python as a number", "[deploy.build]\npython = 3.11\n", &["HT0106"]),
    ("an installer as a number", "[deploy.build]\ninstaller = 1\n", &["HT0106"]),
    ("a key twice", "[deploy]\ntarget = \"local\"\ntarget = \"gcp-run\"\n", &["HT0118"]),
    ("a table twice", "[ci]\nprovider = \"github\"\n[ci]\n", &["HT0118"]),
    ("a string that does not end", "[deploy]\ntarget = \"local\n", &["HT0103"]),
    ("an array that does not end", "[deploy]\noutput_fields = [\"a\"", &["HT0103"]),
    ("no value", "[deploy]\ntarget =\n", &["HT0103"]),
    ("a header that does not end", "[deploy\ntarget = \"local\"\n", &["HT0103"]),
    ("a control character", "[deploy]\ntarget = \"con\u{0}tainer\"\n", &["HT0103"]),
    (
        "a password in the registry",
        "[deploy.container]\nregistry = \"https://ci:hunter2@r.example/p\"\n",
        &["HT0117"],
    ),
    ("a password without a scheme", "[deploy.container]\nregistry = \"ci:hunter2@r.example\"\n", &["HT0117"]),
    ("a GitHub token", "[ci]\nprovider = \"ghp_0123456789abcdefghijklmnopqrstuvwxyz\"\n", &["HT0117"]),
    ("a token nobody knows", "[server]\nhost = \"q7Zx2Lw9Kd4Vb8Nc3Mf6Hj1Gt5Rp0YsUaE\"\n", &["HT0117"]),
    ("a key of Haute 0.1", "[safety]\nmax_avg_change_pct = 10\n", &["HT0122"]),
    ("a target of Haute 0.1", "[deploy]\ntarget = \"docker\"\n", &["HT0122"]),
    ("a table of Haute 0.1", "[deploy.docker]\nanything = 1\n", &["HT0122"]),
];

#[test]
fn every_hostile_file_has_its_code() {
    for (what, text, expected) in FILES {
        let directory = project(&[("haute.toml", format!("{START}{text}").as_bytes())]);
        let report = report(&options(&directory));
        assert_eq!(codes(&report), *expected, "{what}:\n{}", dump(&report));
        assert!(!dump(&report).contains("hunter2"), "{what}: the secret is repeated");
        let placed = report.diagnostics.iter().all(|diagnostic| diagnostic.primary().is_some());
        assert!(placed, "{what}: no place:\n{}", dump(&report));
    }
}

/// What is wrong, the whole file, and the code.
const WHOLE_FILES: &[(&str, &[u8], &str)] = &[
    ("not UTF-8", b"[project]\nname = \"caf\xe9\"\npipeline = \"rating/main.py\"\n", "HT0102"),
    ("UTF-16", b"\xff\xfe[\0p\0]\0", "HT0102"),
    ("a byte order mark", b"\xef\xbb\xbf[project]\npipeline = \"rating/main.py\"\n", "HT0102"),
    ("nothing but garbage", b"\x01\x02\x03", "HT0103"),
    ("JSON", b"{\"project\": {\"pipeline\": \"rating/main.py\"}}", "HT0103"),
    ("YAML", b"project:\n  pipeline: rating/main.py\n", "HT0103"),
    ("an absolute pipeline", b"[project]\npipeline = \"/etc/passwd\"\n", "HT0113"),
    ("a pipeline above", b"[project]\npipeline = \"../main.py\"\n", "HT0113"),
    ("a pipeline above by a detour", b"[project]\npipeline = \"rating/../../main.py\"\n", "HT0113"),
    ("a pipeline that is not there", b"[project]\npipeline = \"rating/mian.py\"\n", "HT0114"),
    ("a pipeline that is a directory", b"[project]\npipeline = \"rating\"\n", "HT0114"),
    ("a pipeline with a NUL", b"[project]\npipeline = \"rating\\u0000.py\"\n", "HT0114"),
    ("no pipeline at all", b"[project]\nname = \"motor\"\n", "HT0114"),
    ("a pipeline that is not Python", b"[project]\npipeline = \"notes.txt\"\n", "HT0115"),
    ("a Python file without a pipeline", b"[project]\npipeline = \"tool.py\"\n", "HT0115"),
    ("a package file", b"[project]\npipeline = \"rating/__init__.py\"\n", "HT0115"),
    ("a pipeline as a number", b"[project]\npipeline = 3\n", "HT0106"),
];

#[test]
fn every_hostile_whole_file_has_its_code() {
    for (what, text, expected) in WHOLE_FILES {
        let directory = project(&[
            ("haute.toml", text),
            ("notes.txt", b"haute.Pipeline"),
            ("tool.py", b"print()"),
            ("rating/__init__.py", b"haute.Pipeline"),
        ]);
        let report = report(&options(&directory));
        assert!(codes(&report).contains(expected), "{what}:\n{}", dump(&report));
        assert!(report.has_errors(), "{what}");
    }
}

#[test]
fn deep_nesting_is_refused_before_it_uses_up_the_stack() {
    for text in [
        format!("{} = 1\n", vec!["a"; 100_000].join(".")),
        format!("[{}]\n", vec!["a"; 100_000].join(" . ")),
        format!("a = {}1{}\n", "[".repeat(50_000), "]".repeat(50_000)),
        format!("a = {}1{}\n", "{a = ".repeat(50_000), "}".repeat(50_000)),
        format!(
            "a = {}1{}",
            "[{a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z = \n".repeat(200),
            "}]".repeat(200)
        ),
        format!("{}\n", "a".repeat(2 * 1024 * 1024)),
    ] {
        let (_, report) = super::super::parse_text("haute.toml", &text);
        assert!(codes(&report).contains(&"HT0103"), "{}", dump(&report));
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    let directory = project(&[("haute.toml", b"[project]\npipeline = \"zero.py\"\n")]);
    let zero = directory.path().join("rating/zero.py");
    std::os::unix::fs::symlink("/dev/zero", &zero).unwrap();
    assert_eq!(codes(&report(&options(&directory))), ["HT0114"]);

    let file = directory.path().join("haute.toml");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    assert!(codes(&report(&options(&directory))).contains(&"HT0102"));

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(codes(&report(&options(&directory))).contains(&"HT0102"));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_project_is_refused_and_one_inside_is_followed() {
    let outside = project(&[]);
    let text = b"[project]\npipeline = \"link.py\"\n";
    let directory = project(&[("haute.toml", text)]);
    let link = directory.path().join("link.py");
    std::os::unix::fs::symlink(outside.path().join("rating/main.py"), &link).unwrap();
    assert_eq!(codes(&report(&options(&directory))), ["HT0113"]);

    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("rating/main.py", &link).unwrap();
    let loaded = super::load(&options(&directory)).unwrap();
    assert_eq!(loaded.config().project.pipeline, "rating/main.py");
}

#[test]
fn a_value_that_is_nearly_right_is_told_what_was_meant() {
    let text = "[deploy.container]\nbuilder = \"dirct\"\ncompresion = \"gzip\"\n";
    let directory = project(&[("haute.toml", format!("{START}{text}").as_bytes())]);
    let report = report(&options(&directory));
    insta::assert_snapshot!(dump(&report), @r"
    HT0107 error haute.toml:5:11 `deploy.container.builder`: expected one of `auto`, `engine`, `direct`
      help: did you mean `direct`?
    HT0105 error haute.toml:6:1 unknown key `compresion` in `[deploy.container]`
      help: did you mean `compression`?
    ");
    assert_eq!(codes(&report), ["HT0107", "HT0105"]);
}
