//! The files diagnostics point into.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl FileId {
    /// No file: sorts after every file.
    pub const NONE: Self = Self(u32::MAX);
}

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// One file's path and text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: String,
    text: Arc<str>,
}

impl SourceFile {
    /// The path as shown to people: relative to the project, with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// Where the byte at `offset` is. Past the end counts as the end.
    pub fn position(&self, offset: usize) -> Position {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = self.text.get(..end).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Position { line, column }
    }
}

/// Every file that was read, by [`FileId`].
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    by_path: BTreeMap<String, u32>,
}

impl SourceMap {
    /// Adds a file, or finds it when its path is there already (the text of the first stays).
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let path = path.into();
        if let Some(index) = self.by_path.get(&path) {
            return FileId(*index);
        }
        let index = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.by_path.insert(path.clone(), index);
        self.files.push(SourceFile { path, text: text.into() });
        FileId(index)
    }

    /// The file of `id`.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(usize::try_from(id.0).ok()?)
    }

    /// Every file, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .map(|(index, file)| (FileId(u32::try_from(index).unwrap_or(u32::MAX)), file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let mut map = SourceMap::default();
        let id = map.add("a.toml", "x = 1\nä = 2\n");
        let file = map.get(id).unwrap();
        assert_eq!(file.position(file.text().find('=').unwrap()), Position { line: 1, column: 3 });
        assert_eq!(file.position(file.text().rfind('=').unwrap()), Position { line: 2, column: 3 });
        assert_eq!(file.position(10_000), Position { line: 3, column: 1 });
    }
}
