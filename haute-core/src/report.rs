//! The report of a deployment that failed: everything a target can find out, on one screen.

use serde::{Deserialize, Serialize};

/// What a target found out about a deployment that failed. Text for people, never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailureReport {
    /// What happened, in one line.
    pub summary: String,
    /// What serves now, in one line; `None` when that is not known.
    pub serving: Option<String>,
    /// The evidence, the most telling first: stopped tasks, last events, log lines.
    pub sections: Vec<ReportSection>,
    /// What mends it, where the cause is known.
    pub hints: Vec<String>,
    /// Where to look further: addresses of consoles.
    pub links: Vec<String>,
    /// Permissions that would have shown more, such as `ecs:DescribeTasks (why tasks stopped)`.
    pub missing_permissions: Vec<String>,
}

impl FailureReport {
    /// A report that says `summary` and nothing else yet.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// Says what serves now.
    #[must_use]
    pub fn with_serving(mut self, serving: impl Into<String>) -> Self {
        self.serving = Some(serving.into());
        self
    }

    /// Adds evidence; a section without lines is left out.
    #[must_use]
    pub fn with_section(mut self, title: impl Into<String>, lines: Vec<String>) -> Self {
        if !lines.is_empty() {
            self.sections.push(ReportSection { title: title.into(), lines });
        }
        self
    }

    /// Adds what mends it, once.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }

    /// Adds where to look further.
    #[must_use]
    pub fn with_link(mut self, link: impl Into<String>) -> Self {
        self.links.push(link.into());
        self
    }

    /// Adds a permission that would have shown more, once.
    #[must_use]
    pub fn with_missing_permission(mut self, permission: impl Into<String>) -> Self {
        let permission = permission.into();
        if !self.missing_permissions.contains(&permission) {
            self.missing_permissions.push(permission);
        }
        self
    }
}

/// One kind of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReportSection {
    /// What it is: "last events of the service".
    pub title: String,
    /// Its lines, oldest first.
    pub lines: Vec<String>,
}
