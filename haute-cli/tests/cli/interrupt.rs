//! Ctrl-C stops cleanly, with an exit code and a result line of its own.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::Memory;

#[cfg(unix)]
#[test]
fn the_first_signal_stops_cleanly() {
    for signal in ["-INT", "-TERM"] {
        let project = Memory::new();
        project.use_target("container");
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_haute-cli"))
            .args(["smoke", &url, "--json", "--project"])
            .arg(project.root())
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has asked, and waits for an answer that never comes.
        let _connection = silent.accept().unwrap();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{signal}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        assert_eq!((&last["type"], &last["outcome"]), (&"result".into(), &"interrupted".into()), "{last}");
        assert_eq!(last["error"]["kind"], "cancelled");
    }
}
