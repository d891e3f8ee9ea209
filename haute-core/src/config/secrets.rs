//! Finds what looks like a key, a token or a password.
//!
//! The forms are those the issuers publish (prefix, length, alphabet), plus long text that looks random. What is found is
//! masked in the text that diagnostics are shown from, so that a report about a secret does not spread it.

use std::ops::Range;

/// One issuer's form: prefix, how many characters follow at least, and which ones.
struct Form {
    prefix: &'static str,
    least: usize,
    allowed: fn(u8) -> bool,
    what: &'static str,
}

const fn form(prefix: &'static str, least: usize, allowed: fn(u8) -> bool, what: &'static str) -> Form {
    Form { prefix, least, allowed, what }
}

fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

const FORMS: &[Form] = &[
    form("AKIA", 16, upper, "an AWS access key"),
    form("ASIA", 16, upper, "an AWS access key"),
    form("dapi", 32, hex, "a Databricks token"),
    form("dose", 32, hex, "a Databricks token"),
    form("ghp_", 36, word, "a GitHub token"),
    form("gho_", 36, word, "a GitHub token"),
    form("ghu_", 36, word, "a GitHub token"),
    form("ghs_", 36, word, "a GitHub token"),
    form("ghr_", 36, word, "a GitHub token"),
    form("github_pat_", 22, word, "a GitHub token"),
    form("glpat-", 20, word, "a GitLab token"),
    form("dckr_pat_", 20, word, "a Docker Hub token"),
    form("pypi-", 50, word, "a PyPI token"),
    form("npm_", 36, word, "an npm token"),
    form("hf_", 30, word, "a Hugging Face token"),
    form("sk-", 20, word, "an API key"),
    form("AIza", 35, word, "a Google API key"),
    form("xoxb-", 10, word, "a Slack token"),
    form("xoxp-", 10, word, "a Slack token"),
];

/// Every place of `text` that looks like a secret, in order, with what it looks like.
pub(crate) fn find(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    for form in FORMS {
        found.extend(issued(text, form));
    }
    found.extend(private_keys(text));
    found.extend(passwords_in_addresses(text));
    found.extend(random_words(text));
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    found
}

/// `text` with the bytes of `ranges` replaced by `*`, line ends kept. Offsets stay as they are.
pub(super) fn mask(text: &str, ranges: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        let Some(part) = bytes.get_mut(range.clone()) else { continue };
        part.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
    }
    // Ranges are of whole characters, so what is left is UTF-8 still.
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()))
}

fn issued<'a>(text: &'a str, form: &'a Form) -> impl Iterator<Item = (Range<usize>, &'static str)> + 'a {
    let bytes = text.as_bytes();
    text.match_indices(form.prefix).filter_map(move |(start, prefix)| {
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        if before.is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let rest = bytes.get(start + prefix.len()..)?;
        let length = rest.iter().take_while(|byte| (form.allowed)(**byte)).count();
        (length >= form.least).then(|| (start..start + prefix.len() + length, form.what))
    })
}

fn private_keys(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    text.match_indices("-----BEGIN ").filter_map(|(start, _)| {
        let rest = text.get(start..)?;
        let head = rest.get(..rest.find('\n').unwrap_or(rest.len()))?;
        if !head.contains("PRIVATE KEY") {
            return None;
        }
        let end = rest.find("-----END ").map_or(rest.len(), |at| {
            rest.get(at..).and_then(|tail| tail.find('\n')).map_or(rest.len(), |line| at + line)
        });
        Some((start..start + end, "a private key"))
    })
}

/// `scheme://user:password@host`: the part before the `@`.
fn passwords_in_addresses(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = text.get(start..)?;
        let end = rest.find(|c: char| c.is_whitespace() || "/\"'?#,]".contains(c)).unwrap_or(rest.len());
        let user = rest.get(..rest.get(..end)?.rfind('@')?)?;
        let secret = user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
            || (user.len() >= 20 && user.bytes().any(|byte| byte.is_ascii_digit()));
        secret.then(|| (start..start + user.len(), "a password in an address"))
    })
}

/// Long words of upper case, lower case and digits without the repeats that names have.
fn random_words(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'=';
    for (range, least, bits) in
        [(words(text, plain), 32, 4.4), (words(text, |b| plain(b) || b == b'/'), 40, 4.7)]
            .into_iter()
            .flat_map(|(ranges, least, bits)| ranges.into_iter().map(move |range| (range, least, bits)))
    {
        let Some(word) = text.as_bytes().get(range.clone()) else { continue };
        let mixed = word.iter().any(u8::is_ascii_uppercase)
            && word.iter().any(u8::is_ascii_lowercase)
            && word.iter().any(u8::is_ascii_digit);
        if word.len() >= least && mixed && entropy(word) >= bits {
            found.push((range, "a random key"));
        }
    }
    found
}

fn words(text: &str, allowed: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().chain(std::iter::once(b' ')).enumerate() {
        match (allowed(byte), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                ranges.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    ranges
}

/// Shannon entropy in bits per character: about 4 for words of a language, about 4.7 for 32 random characters.
fn entropy(word: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in word {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_secrets_and_leaves_names_and_digests_alone() {
        let aws = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
        let databricks = ["da", "pi0123456789abcdef0123456789abcdef"].concat();
        let random = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEX4mPl3Ky";
        for secret in [
            aws.as_str(),
            databricks.as_str(),
            random,
            "https://ci:hunter2@registry.example/pricing",
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        ] {
            assert_eq!(find(secret).len(), 1, "{secret}");
        }
        for plain in [
            "python@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "/Shared/haute/Team1/ExperimentMotorPricing2024Version3",
            "ExperimentMotorPricing2024Version3Final",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/pricing",
            "git@github.com:team/project",
            "https://adb-1234567890123456.7.azuredatabricks.net",
            "risk-based",
            "task-force-of-the-whole-department",
        ] {
            assert_eq!(find(plain), [], "{plain}");
        }
    }

    #[test]
    fn a_mask_keeps_offsets_and_lines() {
        assert_eq!(mask("a = \"se\ncret\"", &[5..7, 7..12]), "a = \"**\n****\"");
    }
}
