//! The program in the container does not come up.

use super::image::architecture;
use super::{Kind, known, or};
use crate::report::findings::Findings;
use crate::report::subject::Subject;

pub(super) const CAUSES: Kind = &[
    known(&[&["exec format error"]], architecture),
    known(
        &[&[
            "executable file not found",
            "no such file or directory: unknown",
            "exec: \"",
            "starting container process caused",
        ]],
        no_command,
    ),
    known(&[&["modulenotfounderror", "importerror: cannot import"]], |_, _| {
        "the program misses a Python package: add it to the project's dependencies, and deploy again; `haute-cli build` resolves and proves what is installed".to_owned()
    }),
    known(&[&["address already in use"]], |_, _| {
        "two programs of the task want one port: give the other container another one".to_owned()
    }),
    known(
        &[&["error while attempting to bind", "permission denied"], &["bind", "port", "address"]],
        |_, _| {
            "the program may not open its port: ports below 1024 are for root; set `port` in `[deploy.container]` to 8080, and the same in the task definition and the target group".to_owned()
        },
    ),
    known(&[&["memoryerror", "std::bad_alloc", "cannot allocate memory"]], super::resources::memory),
];

/// Where nothing else is known.
pub(super) const GENERAL: Kind = &[known(&[&["essential container in task exited"]], |subject, _| {
    format!(
        "the container `{}` starts and ends again: its exit code and its last lines say why. Run the same release here: `haute-cli deploy --target local`",
        or(&subject.container, "of the release")
    )
})];

pub(super) fn no_command(_: &Subject, _: &str) -> String {
    "the command is not in the image: remove `command` and `entryPoint` from the container in the task definition, so that the image's own are used".to_owned()
}

/// The program says which port it listens on. Where another one is asked, nothing answers.
pub(super) fn other_port(findings: &Findings<'_>) -> Option<String> {
    let subject = &findings.subject;
    let asked = subject.load_balancer_port.or(subject.port)?;
    let listens = findings
        .logs
        .iter()
        .flat_map(|log| &log.lines)
        .filter_map(|line| listening(line))
        .next_back()
        .or(subject.port)?;
    if listens == asked {
        return None;
    }
    Some(format!(
        "the container listens on port {listens}, and the load balancer asks port {asked}: set `port = {asked}` in `[deploy.container]`, or change `containerPort` of the service's load balancer and `portMappings` of the task definition to {listens}"
    ))
}

/// `… running on http://0.0.0.0:8080 …`
fn listening(line: &str) -> Option<u16> {
    let rest = ["http://0.0.0.0:", "http://[::]:", "https://0.0.0.0:"]
        .iter()
        .find_map(|mark| line.split(mark).nth(1))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
