//! Any bytes as a `haute.toml`: a report, never a panic, and every label on a character of the file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (_, report) = haute_core::config::parse_text("haute.toml", &text);
    for diagnostic in &report.diagnostics {
        for label in &diagnostic.labels {
            let shown = report.sources.get(label.file).map(|file| file.text());
            assert!(shown.is_some_and(|text| text.get(label.range.clone()).is_some()), "{label:?}");
        }
    }
});
