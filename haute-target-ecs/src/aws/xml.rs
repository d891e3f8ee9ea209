//! The little of XML that answers of the query protocol need: the texts of elements by name.

/// The text of the first element `name`, in document order; `None` when there is none.
pub(super) fn first(document: &str, name: &str) -> Option<String> {
    all(document, name).into_iter().next()
}

/// What stands between the tags of every element `name`, in document order. Elements of one name do not nest in these answers,
/// but for `member`, which is never asked for by that name alone.
pub(super) fn all(document: &str, name: &str) -> Vec<String> {
    inner(document, name).into_iter().map(unescaped).collect()
}

/// The same as it is written, for looking into.
pub(super) fn inner<'a>(document: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = document;
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((text, next)) = after.split_once(&close) else { break };
        found.push(text);
        rest = next;
    }
    found
}

/// Undoes the five escapes every XML document knows (XML 1.0, section 4.6).
fn unescaped(text: &str) -> String {
    let plain = text.trim();
    if !plain.contains('&') {
        return plain.to_owned();
    }
    plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_name() {
        let document = "<a><Arn>one</Arn><b><Arn> t&lt;w&amp;o </Arn></b></a>";
        assert_eq!(first(document, "Arn").as_deref(), Some("one"));
        assert_eq!(all(document, "Arn"), ["one", "t<w&o"]);
        assert!(all(document, "Missing").is_empty());
    }
}
