//! `RECORD`: what a wheel installed (PEP 376, PEP 627; lines of CSV: path, hash, length).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use haute_core::digest::Digest;

/// Reads the hash of each path; lines that are no record are passed over.
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let mut fields = split(line).into_iter();
            let path = fields.next().filter(|path| !path.is_empty())?;
            Some((path, fields.next().unwrap_or_default()))
        })
        .collect()
}

/// Adds a line.
pub(super) fn line(text: &mut String, path: &str, hash: &str, size: Option<u64>) {
    let path = if path.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", path.replace('"', "\"\""))
    } else {
        path.to_owned()
    };
    let size = size.map_or_else(String::new, |size| size.to_string());
    let _written = writeln!(text, "{path},{hash},{size}");
}

/// A digest as a record says it: `sha256=` and URL-safe base64 without padding.
pub(super) fn hash(digest: &Digest) -> String {
    let hex = digest.hex().as_bytes();
    let nibble = |byte: &u8| {
        char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default()
    };
    let bytes: Vec<u8> = hex
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0_u8, |value, byte| (value << 4) | nibble(byte)))
        .collect();
    format!("sha256={}", URL_SAFE_NO_PAD.encode(bytes))
}

fn split(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = characters.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_installers_write_it() {
        // The line pip writes for its own `INSTALLER`, which holds `pip` and a newline.
        assert_eq!(hash(&Digest::of("pip\n")), "sha256=zuuue4knoyJ-UwPPXg8fezS7VCrXJQrAP7zeNuwvFQg");
    }

    #[test]
    fn a_record_reads_back_with_its_commas_and_quotes() {
        let mut text = String::new();
        for path in ["a/b.py", "odd, name.py", "say \"hi\".py"] {
            line(&mut text, path, "sha256=x", Some(3));
        }
        line(&mut text, "a.dist-info/RECORD", "", None);
        assert!(text.ends_with("a.dist-info/RECORD,,\n"));
        let read = read(&text.replace('\n', "\r\n"));
        assert_eq!(read.len(), 4);
        assert_eq!(read["odd, name.py"], "sha256=x");
        assert_eq!(read["say \"hi\".py"], "sha256=x");
    }
}
