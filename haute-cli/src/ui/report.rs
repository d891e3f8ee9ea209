//! What a target found out about a failed deployment, on one screen.

use haute_core::report::FailureReport;

use super::style::{Palette, clean};

/// The most lines of one section: the last ones tell most.
const SECTION: usize = 12;

/// The report, for people.
pub(crate) fn render(report: &FailureReport, palette: Palette) -> String {
    let mut lines = vec![format!("{}: {}", palette.bad("failed"), clean(&report.summary))];
    if let Some(serving) = &report.serving {
        lines.push(format!("  {}: {}", palette.bold("serves now"), clean(serving)));
    }
    for section in &report.sections {
        lines.push(format!("  {}", palette.dim(&format!("{}:", clean(&section.title)))));
        let hidden = section.lines.len().saturating_sub(SECTION);
        if hidden > 0 {
            lines.push(format!("    … {hidden} more before"));
        }
        lines.extend(section.lines.iter().skip(hidden).map(|line| format!("    {}", clean(line))));
    }
    for hint in &report.hints {
        lines.push(format!("  {}: {}", palette.accent("fix"), clean(hint)));
    }
    for link in &report.links {
        lines.push(format!("  look: {}", clean(link)));
    }
    if !report.missing_permissions.is_empty() {
        lines.push(format!("  would show more: {}", clean(&report.missing_permissions.join(", "))));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_screen_says_what_happened_and_what_mends_it() {
        let events: Vec<String> =
            (1..=14).map(|number| format!("10:00:{number:02} event {number}")).collect();
        let report = FailureReport::new("the circuit breaker rolled the service back")
            .with_serving("revision 11, release 11507a0e2f5e")
            .with_section("stopped tasks", vec!["app exited with 1".to_owned()])
            .with_section("last events", events)
            .with_section("nothing", Vec::new())
            .with_hint("the application ends by itself: see its last lines")
            .with_hint("the application ends by itself: see its last lines")
            .with_link("https://console.example/motor")
            .with_missing_permission("logs:GetLogEvents (last lines of the containers)");
        let text = render(&report, Palette::new(false));
        assert_eq!(text.matches("fix:").count(), 1, "{text}");
        insta::assert_snapshot!(text, @r"
        failed: the circuit breaker rolled the service back
          serves now: revision 11, release 11507a0e2f5e
          stopped tasks:
            app exited with 1
          last events:
            … 2 more before
            10:00:03 event 3
            10:00:04 event 4
            10:00:05 event 5
            10:00:06 event 6
            10:00:07 event 7
            10:00:08 event 8
            10:00:09 event 9
            10:00:10 event 10
            10:00:11 event 11
            10:00:12 event 12
            10:00:13 event 13
            10:00:14 event 14
          fix: the application ends by itself: see its last lines
          look: https://console.example/motor
          would show more: logs:GetLogEvents (last lines of the containers)
        ");
    }
}
