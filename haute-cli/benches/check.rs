//! How long `haute-cli check` takes, whole process, against `haute lint` on the same project.
//!
//! `cargo bench -p haute-cli --bench check`. Haute's own tool is measured where `HAUTE_PYTHON` names an interpreter that
//! has it, in the same run on the same machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its figures and stops at a fault"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Nodes of the generated pipeline.
const NODES: usize = 1_000;
/// Nodes of the example it is made from.
const EXAMPLE_NODES: usize = 8;

fn main() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/projects/motor-pricing");
    let directory = tempfile::tempdir().unwrap();
    copy(&example, directory.path());
    let small = times(21, || first_line(directory.path()));
    report("check, 8 nodes, start to first line", &small);

    generate(&directory.path().join("rating/main.py"));
    assert!(
        check(directory.path()).contains(&format!("{NODES} nodes")),
        "the generated project has {NODES} nodes"
    );
    let ours = times(31, || {
        let started = Instant::now();
        check(directory.path());
        started.elapsed()
    });
    report("check, 1,000 nodes, whole process", &ours);

    let Ok(python) = std::env::var("HAUTE_PYTHON") else {
        println!("haute lint: not measured, HAUTE_PYTHON names no interpreter with haute");
        return;
    };
    let theirs = times(3, || {
        let started = Instant::now();
        lint(&python, directory.path());
        started.elapsed()
    });
    report("haute lint, 1,000 nodes, whole process", &theirs);
    println!("ratio of medians: {:.0}", middle(&theirs).as_secs_f64() / middle(&ours).as_secs_f64());
}

/// The program checks the project and finds nothing wrong; what it said.
fn check(project: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_haute-cli"))
        .args(["check", "--project"])
        .arg(project)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn first_line(project: &Path) -> Duration {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_haute-cli"))
        .args(["check", "--project"])
        .arg(project)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let elapsed = started.elapsed();
    assert!(!line.is_empty() && child.wait().unwrap().success());
    elapsed
}

fn lint(python: &str, project: &Path) {
    let code = "import sys; from haute.cli import cli; sys.argv[0] = 'haute'; cli()";
    let output = Command::new(python).args(["-c", code, "lint"]).current_dir(project).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Puts a chain of nodes between the rated severity and the price.
fn generate(main: &Path) {
    let source = fs::read_to_string(main).unwrap();
    let mut chain = String::new();
    let mut previous = "severity_factors".to_owned();
    for number in 0..NODES - EXAMPLE_NODES {
        let name = format!("loading_{number:03}");
        write!(
            chain,
            "@pipeline.polars\ndef {name}({previous}: pl.LazyFrame) -> pl.LazyFrame:\n    \
             \"\"\"Loading {number}.\"\"\"\n    \
             young = pl.when(pl.col(\"DrivAge\") < {age}).then(1.0 + 0.001).otherwise(1.0)\n    \
             df = {previous}.with_columns({name}=young * pl.col(\"severity\"))\n    return df\n\n\n",
            age = 18 + number % 60,
        )
        .unwrap();
        previous = name;
    }
    let (before, after) = source.split_once("@pipeline.polars\ndef priced(").unwrap();
    let after = after.replace("severity_factors: pl.LazyFrame", &format!("{previous}: pl.LazyFrame"));
    let after = after.replace("df = severity_factors.", &format!("df = {previous}."));
    fs::write(main, format!("{before}{chain}@pipeline.polars\ndef priced({after}")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == ".haute-cli" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

/// The sorted times of `runs` runs after one that warms up.
fn times(runs: usize, run: impl Fn() -> Duration) -> Vec<Duration> {
    run();
    let mut times: Vec<_> = (0..runs).map(|_| run()).collect();
    times.sort();
    times
}

fn middle(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn report(what: &str, sorted: &[Duration]) {
    let milliseconds = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
    println!(
        "{what}: median {:.1} ms, best {:.1} ms, worst {:.1} ms, {} runs",
        milliseconds(Some(&middle(sorted))),
        milliseconds(sorted.first()),
        milliseconds(sorted.last()),
        sorted.len(),
    );
}
