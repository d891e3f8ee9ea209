//! What serves, for people.

use haute_core::record::Recorded;
use haute_core::target::{Deployment, TargetInfo};

use super::style::{Palette, clean};

/// What serves, the target's own proof of it, and what is left open. `pending`: since when, and the command that resumes.
pub(crate) fn render(
    info: &TargetInfo,
    deployment: &Deployment,
    last: Option<&Recorded>,
    pending: Option<(jiff::Timestamp, &str)>,
    palette: Palette,
) -> String {
    let mut rows = vec![
        ("target", format!("{} ({})", info.name, info.title)),
        ("address", info.address.clone()),
        ("state", deployment.state.clone()),
    ];
    let release = deployment.release.as_ref();
    rows.extend(release.map(|release| ("release", release.to_string())));
    rows.extend(deployment.url.clone().map(|url| ("url", url)));
    rows.extend(deployment.details.iter().map(|(key, value)| (key.as_str(), value.clone())));
    if let Some(recorded) = last.filter(|recorded| recorded.record.release.as_ref() == release) {
        rows.push(("verified", format!("{} (record {})", recorded.record.finished, recorded.id)));
    }
    let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    let line = |(key, value): &(&str, String)| {
        let key = palette.dim(&format!("{:width$}", clean(key)));
        format!("{key}  {}\n", clean(value))
    };
    let mut text: String = rows.iter().map(line).collect();
    if let Some((since, command)) = pending {
        let warning = palette.warn(&format!("A deployment that began at {since} was cut off."));
        text.extend([warning.as_str(), " Continue with `", command, "`\n"]);
    }
    text
}
