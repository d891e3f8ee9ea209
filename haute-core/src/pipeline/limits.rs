//! A bound on how deep a Python file may nest, judged before the parser runs.
//!
//! The parser descends by recursion, and so does everything that walks or frees its tree. Python itself refuses more
//! than 200 open brackets; a chain of ten thousand operators it gives up on as well. What this refuses, Haute
//! cannot read either.

/// Python's own limit on open brackets.
const OPEN_BRACKETS: usize = 200;
/// How many bytes of one expression may pass at one level without a comma.
const CHAIN_BYTES: usize = 16 * 1024;

/// How far a line may be indented: Python itself refuses more than 100 levels.
const INDENTATION: usize = 1000;

/// How deep a source nests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// So little that any thread's stack will do for the parser.
    Shallow,
    /// More than that.
    Deep,
    /// Too much: the offset, and why.
    TooDeep(usize, &'static str),
}

/// Measures `source`.
pub(crate) fn nesting(source: &str) -> Nesting {
    let mut depth = Depth::default();
    match scan(source.as_bytes(), &mut depth) {
        Some((at, reason)) => Nesting::TooDeep(at, reason),
        None if depth.brackets <= 16 && depth.chain <= 256 && depth.indentation <= 32 => Nesting::Shallow,
        None => Nesting::Deep,
    }
}

/// The most of each that was seen.
#[derive(Default)]
struct Depth {
    brackets: usize,
    chain: usize,
    indentation: usize,
}

fn scan(bytes: &[u8], depth: &mut Depth) -> Option<(usize, &'static str)> {
    let mut at = 0;
    // Bytes of the open expression at each bracket level, the innermost last.
    let mut levels = vec![0_usize];
    let mut total = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        let mut length = 1;
        match byte {
            b'#' => {
                at += bytes.iter().skip(at).position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' | b'\'' => {
                length = string_length(bytes, at, byte);
                let is_template =
                    at > 0 && matches!(bytes.get(at - 1), Some(b'f' | b'F' | b't' | b'T' | b'r' | b'R'));
                let literal = bytes.get(at..at + length).unwrap_or_default();
                if is_template {
                    if template_too_deep(literal) {
                        return Some((at, "this text holds expressions that nest too deeply"));
                    }
                    depth.chain = depth.chain.max(literal.len());
                }
            }
            b'(' | b'[' | b'{' => {
                if levels.len() > OPEN_BRACKETS {
                    return Some((at, "more than 200 brackets are open here"));
                }
                levels.push(0);
                depth.brackets = depth.brackets.max(levels.len());
            }
            b')' | b']' | b'}' => {
                if levels.len() > 1 {
                    total -= levels.pop().unwrap_or_default();
                }
            }
            b',' | b';' => total -= std::mem::take(levels.last_mut()?),
            b'\n' if levels.len() == 1 => {
                let continued = at > 0 && bytes.get(at - 1) == Some(&b'\\');
                if !continued {
                    total -= std::mem::take(levels.last_mut()?);
                }
                let rest = bytes.get(at + 1..).unwrap_or_default();
                let indentation = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                depth.indentation = depth.indentation.max(indentation);
                if indentation > INDENTATION {
                    return Some((at + 1, "this line is indented by more than 1000 characters"));
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => {
                *levels.last_mut()? += 1;
                total += 1;
                depth.chain = depth.chain.max(total);
                if total > CHAIN_BYTES {
                    return Some((at, "one expression goes on for more than 16 KiB without a comma"));
                }
            }
        }
        at += length;
    }
    None
}

/// Whether the expressions of an f-string nest too deeply: its whole text is counted, so this errs on refusing.
fn template_too_deep(literal: &[u8]) -> bool {
    let mut open = 0_usize;
    let mut deepest = 0;
    for byte in literal {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest > OPEN_BRACKETS || (literal.contains(&b'{') && literal.len() > CHAIN_BYTES)
}

/// The length of the string literal that starts at `at`; an unclosed one ends with its line.
fn string_length(bytes: &[u8], at: usize, quote: u8) -> usize {
    let triple = bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote);
    let mut end = if triple { at + 3 } else { at + 1 };
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 1,
            b'\n' if !triple => break,
            _ if byte == quote => {
                if !triple {
                    return end + 1 - at;
                }
                if bytes.get(end + 1) == Some(&quote) && bytes.get(end + 2) == Some(&quote) {
                    return end + 3 - at;
                }
            }
            _ => {}
        }
        end += 1;
    }
    end.min(bytes.len()) - at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_code_passes() {
        let wide = format!("x = {{{}}}\n", "\"a key\": [1, 2, 3], ".repeat(10_000));
        assert_eq!(nesting(&wide), Nesting::Shallow);
        assert_eq!(nesting(&"x = 1  # (((((\n".repeat(100_000)), Nesting::Shallow);
        assert_eq!(nesting(&format!("x = '''{}'''\n", "(".repeat(1000))), Nesting::Shallow);
        assert_eq!(nesting(&format!("x = {}1{}\n", "(".repeat(50), ")".repeat(50))), Nesting::Deep);
    }

    #[test]
    fn endless_nesting_is_refused() {
        for deep in ["(", "[", "{x:", "f(", "-", "not ", "x.", "1+", "lambda:", "x if y else "] {
            let template = format!("f'{{{}1}}'", deep.repeat(50_000));
            assert!(matches!(nesting(&template), Nesting::TooDeep(..)), "f-string of {deep}");
            assert!(matches!(nesting(&deep.repeat(50_000)), Nesting::TooDeep(..)), "{deep}");
        }
    }
}
