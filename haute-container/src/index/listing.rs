//! What an index lists for a distribution: PEP 691 in JSON, else PEP 503 in HTML.

use std::io::Read as _;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::release::lock::normalise;
use reqwest::Url;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::Deserialize;

use super::client::{Ask, IndexClient, unreachable};
use super::settings::{Index, decode, host};

/// The longest page that is read, in bytes: the longest of PyPI have some 20 MB.
const PAGE_LIMIT: usize = 48 * 1024 * 1024;

/// A file of a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) file_name: String,
    pub(super) url: Url,
    pub(super) digest: Digest,
    /// In bytes, where the index says it.
    pub(super) size: Option<u64>,
}

#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Hashes,
    size: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Hashes {
    sha256: Option<String>,
}

impl IndexClient {
    /// The files `index` lists for the distribution `name` that have a sha256; empty when it does not know the name. One
    /// attempt. Cancel-safe.
    pub(super) async fn list(&self, index: &Index, name: &str) -> Result<Vec<Listed>> {
        let url = index.url.join(&format!("{}/", normalise(name))).map_err(|source| {
            Error::new(ErrorKind::InvalidInput, format!("`{}` cannot be asked for", name.escape_debug()))
                .with_source(source)
        })?;
        let mut response = match self.get(&url, Ask::Page).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok())
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        let (kind, encoding) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        let base = response.url().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| unreachable(&url, source))? {
            body.extend_from_slice(&chunk);
            if body.len() > PAGE_LIMIT {
                return Err(unreadable(&url, name, "is too long"));
            }
        }
        if encoding == "gzip" {
            let mut plain = Vec::new();
            let limit = PAGE_LIMIT as u64 + 1;
            flate2::read::MultiGzDecoder::new(body.as_slice()).take(limit).read_to_end(&mut plain).map_err(
                |source| unreadable(&url, name, "is damaged").with_source(source).with_retry(Retry::Soon),
            )?;
            body = plain;
            if body.len() > PAGE_LIMIT {
                return Err(unreadable(&url, name, "is too long"));
            }
        }
        if kind.contains("json") {
            let page: Page = serde_json::from_slice(&body)
                .map_err(|source| unreadable(&url, name, "is not what PEP 691 says").with_source(source))?;
            Ok(page.files.into_iter().filter_map(|file| listed(&base, file)).collect())
        } else if kind.contains("html") {
            Ok(read_html(&base, &String::from_utf8_lossy(&body)))
        } else {
            Err(unreadable(&url, name, "is neither JSON nor HTML").with_hint(
                "the address of an index ends in `/simple` for most; what answers here is something else",
            ))
        }
    }
}

fn unreadable(url: &Url, name: &str, what: &str) -> Error {
    Error::new(ErrorKind::BuildFailed, format!("what an index says about `{}` {what}", name.escape_debug()))
        .with_operation("index.list")
        .with_context("host", host(url))
}

fn listed(base: &Url, file: PageFile) -> Option<Listed> {
    let digest = Digest::parse(&format!("sha256:{}", file.hashes.sha256?))?;
    let url = base.join(&file.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(Listed { file_name: file.filename, url, digest, size: file.size })
}

/// The links of a page. Their text is the file's name, their fragment its hash (PEP 503).
fn read_html(base: &Url, page: &str) -> Vec<Listed> {
    let base = element(page, "base")
        .and_then(|(attributes, _)| base.join(&attribute(attributes, "href")?).ok())
        .unwrap_or_else(|| base.clone());
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((attributes, after)) = element(rest, "a") {
        rest = after;
        let text = after.split('<').next().unwrap_or_default();
        let Some(href) = attribute(attributes, "href") else { continue };
        let Ok(url) = base.join(&href) else { continue };
        let Some(hash) = url.fragment().and_then(|fragment| fragment.strip_prefix("sha256=")) else {
            continue;
        };
        let name = unescape(text.trim());
        let name =
            if name.is_empty() { decode(url.path().rsplit('/').next().unwrap_or_default()) } else { name };
        let file = PageFile {
            filename: name,
            url: url.to_string(),
            hashes: Hashes { sha256: Some(hash.to_ascii_lowercase()) },
            size: None,
        };
        found.extend(listed(&base, file));
    }
    found
}

/// The attributes of the next element `name`, and what comes after its opening tag.
fn element<'a>(page: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let mut rest = page;
    loop {
        let (_, tag) = rest.split_once('<')?;
        rest = tag;
        let Some(head) = tag.get(..name.len()) else { continue };
        let after = tag.get(name.len()..).unwrap_or_default();
        if head.eq_ignore_ascii_case(name) && after.starts_with(|c: char| c.is_whitespace()) {
            // A `>` may stand in a quoted value: `data-requires-python=">=3.9"`.
            let mut quote = None;
            let end = after.char_indices().find(|(_, c)| match (quote, *c) {
                (None, '>') => true,
                (None, '"' | '\'') => {
                    quote = Some(*c);
                    false
                }
                (Some(open), c) if open == c => {
                    quote = None;
                    false
                }
                _ => false,
            });
            let (end, _) = end?;
            return Some((after.get(..end)?, after.get(end + 1..)?));
        }
    }
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=') else {
            if key.is_empty() {
                return None;
            }
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.split_once(quote)?,
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(unescape(value));
        }
        rest = after.trim_start();
    }
    None
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#43;", "+")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_indexes_write_it() {
        let hash = "a1".repeat(32);
        let page = format!(
            "<!DOCTYPE html><html><head><base href='https://files.test/x/'></head><body><abbr>x</abbr>\n\
             <A data-requires-python=\">=3.9\" HREF=\"a-1+cpu-py3-none-any.whl?t=1&amp;u=2#sha256={hash}\"> a-1+cpu-py3-none-any.whl </A><br>\n\
             <a href='../b-1.tar.gz#sha256={hash}'>b-1.tar.gz</a><a href=\"c-1.tar.gz#md5=00\">c</a><a name=x>none</a></body>"
        );
        let all = read_html(&Url::parse("https://index.test/simple/a/").unwrap(), &page);
        let shown: Vec<_> =
            all.iter().map(|file| (file.file_name.as_str(), file.url.path(), file.url.query())).collect();
        assert_eq!(
            shown,
            [
                ("a-1+cpu-py3-none-any.whl", "/x/a-1+cpu-py3-none-any.whl", Some("t=1&u=2")),
                ("b-1.tar.gz", "/b-1.tar.gz", None)
            ]
        );
        assert_eq!(all[0].digest.hex(), hash);
    }

    #[test]
    fn broken_html_is_no_listing_and_no_panic() {
        let base = Url::parse("https://index.test/simple/a/").unwrap();
        for page in [
            "",
            "<",
            "<a",
            "<a ",
            "<a href",
            "<a href=",
            "<a href=\"",
            "<a href='x#sha256=zz'>",
            "<a \u{e9}=\u{e9}>\u{e9}</a>",
            "<\u{e9}",
        ] {
            assert_eq!(read_html(&base, page), [], "{page}");
        }
    }
}
