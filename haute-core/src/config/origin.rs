//! Where a value came from.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, FileId};

/// Where a value of the configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// `haute.toml` or its overlay.
    File {
        /// Which file of the project's report.
        file: FileId,
        /// The value's bytes in it.
        range: Range<usize>,
    },
    /// A variable of the environment.
    Variable {
        /// Its name, such as `HAUTE_TARGET`.
        name: String,
    },
    /// A variable that `.env` sets.
    DotEnv {
        /// Its name, such as `HAUTE_TARGET`.
        name: String,
        /// Which file of the project's report.
        file: FileId,
        /// The value's bytes in it.
        range: Range<usize>,
    },
    /// A flag of the caller.
    Flag {
        /// The key it sets, such as `deploy.target`.
        name: String,
    },
    /// Nobody set it.
    Default,
}

impl Origin {
    /// The place in a file, for a value that has one.
    pub fn place(&self) -> Option<(FileId, Range<usize>)> {
        match self {
            Self::File { file, range } | Self::DotEnv { file, range, .. } => Some((*file, range.clone())),
            Self::Variable { .. } | Self::Flag { .. } | Self::Default => None,
        }
    }

    /// What a message about `key` is about: the key, or the variable that set it, in backticks.
    pub fn subject(&self, key: &str) -> String {
        match self {
            Self::Variable { name } | Self::DotEnv { name, .. } => format!("`{name}`"),
            Self::File { .. } | Self::Flag { .. } | Self::Default => format!("`{key}`"),
        }
    }

    /// Points `diagnostic` at the value: a label saying `text` where there is a place, else a note that says who set it.
    #[must_use]
    pub fn point(&self, diagnostic: Diagnostic, text: impl Into<String>) -> Diagnostic {
        match self {
            Self::File { file, range } => diagnostic.at(*file, range.clone(), text),
            Self::DotEnv { name, file, range } => {
                diagnostic.at(*file, range.clone(), text).note(format!("`{name}` in `.env` sets it"))
            }
            Self::Variable { name } => diagnostic.note(format!("the environment variable `{name}` sets it")),
            Self::Flag { name } => diagnostic.note(format!("a flag sets it (`{name}`)")),
            Self::Default => diagnostic,
        }
    }
}
