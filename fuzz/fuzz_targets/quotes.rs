//! Any bytes as a file of test quotes: a report, never a panic, and nothing taken for quotes that is not JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (_, report) = haute_core::quotes::parse_text("quotes.json", &text);
    let json = serde_json_says(&text);
    assert!(json || report.has_errors());
    for diagnostic in &report.diagnostics {
        for label in &diagnostic.labels {
            let shown = report.sources.get(label.file).map(|file| file.text());
            assert!(shown.is_some_and(|text| text.get(label.range.clone()).is_some()), "{label:?}");
        }
    }
});

fn serde_json_says(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}
