//! A push that is stopped half-way.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use haute_test_services::proxy::{Fault, Gate, Rule};
use haute_test_services::{FaultProxy, test};
use libtest_mimic::{Failed, Trial};

use super::lab::Bench;
use super::needs;
use super::pushed::Pushed;
use super::site::{Site, deploy_arguments};
use crate::project::Run;

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test("image::an_interrupted_push_leaves_no_tag_and_is_resumed_cheaply", needs(bench), |bench| {
            stopped(&bench, "-INT", "interrupted")
        }),
        test("image::a_killed_push_leaves_no_tag_and_is_resumed_cheaply", needs(bench), |bench| {
            stopped(&bench, "-KILL", "killed")
        }),
    ]
}

fn stopped(bench: &Bench, signal: &str, team: &str) -> Result<(), Failed> {
    let lab = bench.lab();
    let repository = format!("{team}/motor-pricing");
    let gate = Gate::closed();
    // Everything goes through but the fourth upload, which stops half-way until the test is done with it.
    let held = Rule::on("*", "/v2/*/blobs/uploads/*digest=*", Fault::Hold { after: 1, gate: gate.clone() });
    let proxy = FaultProxy::start(&lab.registry, vec![held.after(3).first(1)])?;
    let site = Site::new(lab, &format!("{}/{team}", proxy.address()), &lab.base, "builder = \"direct\"");
    let words = deploy_arguments(&lab.release);
    let mut command = site.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // What it says is read all the while: a full pipe would hold it up.
    let id = child.id().to_string();
    let reader = std::thread::spawn(move || child.wait_with_output());
    let arrived = wait_for_uploads(&proxy, 3);
    assert!(Command::new("kill").args([signal, &id]).status()?.success());
    let output = reader.join().map_err(|_| "the reader panicked")??;
    gate.open();
    let first = run_of(&output);
    if signal == "-INT" {
        let first = first.expect(130);
        assert_eq!(first.result()["outcome"], "interrupted");
    } else {
        assert_eq!(first.code, -1, "killed by a signal");
    }
    let named = |tags: Vec<String>| tags.into_iter().filter(|tag| !tag.starts_with("sha256-")).count();
    assert_eq!(named(lab.registry.tags(&repository)?), 0, "there is no tag");
    assert!(!arrived.is_empty());

    proxy.restart(Vec::new());
    let second = site.deploy(&lab.release).expect(0);
    let pushed = Pushed::of(&second);
    let sent: BTreeSet<String> = complete(&proxy);
    let twice: Vec<_> = arrived.intersection(&sent).collect();
    assert!(twice.is_empty(), "sent although they had arrived: {twice:?}");
    assert_eq!(lab.registry.digest_of(&repository, &pushed.tag)?, Some(pushed.digest));
    Ok(())
}

/// The uploads that were complete once there were `count` of them.
fn wait_for_uploads(proxy: &FaultProxy, count: usize) -> BTreeSet<String> {
    let began = Instant::now();
    loop {
        let complete = complete(proxy);
        if complete.len() >= count {
            return complete;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{:?}", proxy.exchanges());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The digests of the blobs that were sent and taken.
fn complete(proxy: &FaultProxy) -> BTreeSet<String> {
    let uploads = proxy.exchanges_of("PUT", "/v2/*/blobs/uploads/*digest=*").into_iter();
    uploads
        .filter(|upload| upload.status == Some(201))
        .filter_map(|upload| {
            let (_, digest) = upload.target.split_once("digest=")?;
            Some(digest.split('&').next()?.replace("%3A", ":"))
        })
        .collect()
}

fn run_of(output: &Output) -> Run {
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
