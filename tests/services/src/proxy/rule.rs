//! Which requests a fault meets.

use super::fault::Fault;

/// A fault and the requests it meets.
#[derive(Clone, Debug)]
pub struct Rule {
    method: String,
    pattern: String,
    fault: Fault,
    spared: u32,
    times: Option<u32>,
    used: u32,
}

impl Rule {
    /// Meets every request of this method (`*`: any) whose path and query fit the pattern, in which `*` stands for anything:
    /// `PUT`, `/v2/*/manifests/*`.
    pub fn on(method: &str, pattern: &str, fault: Fault) -> Self {
        Self {
            method: method.to_owned(),
            pattern: pattern.to_owned(),
            fault,
            spared: 0,
            times: None,
            used: 0,
        }
    }

    /// Meets the first `times` of them only.
    #[must_use]
    pub fn first(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Spares the first `spared` of them.
    #[must_use]
    pub fn after(mut self, spared: u32) -> Self {
        self.spared = spared;
        self
    }

    /// How often it was used.
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// The fault for this request, if it is one for this rule. Counts.
    pub(super) fn meet(&mut self, method: &str, target: &str) -> Option<Fault> {
        if !fits(&self.method, &self.pattern, method, target)
            || self.times.is_some_and(|times| self.used >= times)
        {
            return None;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        self.used += 1;
        Some(self.fault.clone())
    }
}

/// Whether a request fits a method and a pattern.
pub(super) fn fits(method: &str, pattern: &str, asked: &str, target: &str) -> bool {
    (method == "*" || method == asked) && like(pattern, target)
}

/// Whether the whole text is like the pattern.
fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let Some((middle, last)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    for part in middle.split('*') {
        let Some((_, behind)) = text.split_once(part) else { return false };
        text = behind;
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("/v2/", "/v2/", true),
            ("/v2/", "/v2/x", false),
            ("/v2/*", "/v2/x/y", true),
            ("/v2/*/manifests/*", "/v2/team/model/manifests/a1", true),
            ("/v2/*/manifests/a*", "/v2/model/manifests/b", false),
            ("/v2/*/manifests/a1", "/v2/model/manifests/a1", true),
            ("/v2/*/blobs/uploads/*mount=*", "/v2/m/blobs/uploads/?from=p&mount=sha256:1", true),
            ("/v2/*/blobs/uploads/*mount=*", "/v2/m/blobs/uploads/", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_rule_meets_as_often_as_it_should() {
        let mut rule = Rule::on("PUT", "/v2/*", Fault::Hang).after(1).first(2);
        let met: Vec<bool> = ["GET", "PUT", "PUT", "PUT", "PUT"]
            .iter()
            .map(|method| rule.meet(method, "/v2/x").is_some())
            .collect();
        assert_eq!(met, [false, false, true, true, false]);
        assert_eq!(rule.used(), 2);
    }
}
