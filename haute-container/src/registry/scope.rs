//! What a token is asked for: `repository:<name>:pull,push` (Docker's token protocol, "Token Scope").

/// What one request needs to be allowed, one entry for each repository, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scopes(Vec<(String, bool)>);

impl Scopes {
    /// Reading.
    pub(super) fn pull(repository: &str) -> Self {
        Self(vec![(repository.to_owned(), false)])
    }

    /// Writing, which takes reading along.
    pub(super) fn push(repository: &str) -> Self {
        Self(vec![(repository.to_owned(), true)])
    }

    /// Reading of `from` as well: what a mount needs.
    pub(super) fn and_pull(mut self, from: &str) -> Self {
        if !self.0.iter().any(|(repository, _)| repository == from) {
            self.0.push((from.to_owned(), false));
            self.0.sort();
        }
        self
    }

    /// Whether these allow everything `other` allows.
    pub(super) fn cover(&self, other: &Self) -> bool {
        other
            .0
            .iter()
            .all(|(repository, push)| self.0.iter().any(|(own, may)| own == repository && (*may || !push)))
    }

    /// As the token protocol writes them.
    pub(super) fn texts(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|(repository, push)| {
                format!("repository:{repository}:{}", if *push { "pull,push" } else { "pull" })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_token_serves_a_narrower_need() {
        let push = Scopes::push("a/b");
        let mount = Scopes::push("a/b").and_pull("base");
        assert!(push.cover(&Scopes::pull("a/b")) && mount.cover(&push) && mount.cover(&Scopes::pull("base")));
        assert!(
            !push.cover(&mount) && !mount.cover(&Scopes::push("base")) && !Scopes::pull("a/b").cover(&push)
        );
        assert_eq!(mount.texts(), ["repository:a/b:pull,push", "repository:base:pull"]);
        assert_eq!(Scopes::push("a").and_pull("a"), Scopes::push("a"));
    }
}
