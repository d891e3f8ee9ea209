//! What an engine says while it builds: lines for people, the last ones for an error, and the id of what it made.

#[cfg(feature = "buildkit")]
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;

use bollard::models::BuildInfo;
use haute_core::error::{Error, ErrorKind};
use haute_core::event::{Event, EventSink};

use super::error::{one_line, registry_kind};

/// How many lines an error shows.
const LINES_SHOWN: usize = 25;

/// Takes what the engine says.
pub(super) struct Output {
    events: Arc<dyn EventSink>,
    partial: String,
    tail: VecDeque<String>,
    #[cfg(feature = "buildkit")]
    told: BTreeSet<String>,
    /// What was built.
    pub(super) image: Option<String>,
}

impl Output {
    pub(super) fn new(events: Arc<dyn EventSink>) -> Self {
        Self {
            events,
            partial: String::new(),
            tail: VecDeque::new(),
            #[cfg(feature = "buildkit")]
            told: BTreeSet::new(),
            image: None,
        }
    }

    /// Takes one message of a build.
    pub(super) fn take(&mut self, info: BuildInfo) {
        if let Some(text) = &info.stream {
            self.text(text);
        }
        if let Some(status) = info.status.as_deref().filter(|_| info.progress_detail.is_none()) {
            self.line(status);
        }
        self.aux(info);
    }

    #[cfg(not(feature = "buildkit"))]
    fn aux(&mut self, info: BuildInfo) {
        if let Some(id) = info.aux.and_then(|image| image.id) {
            self.image = Some(id);
        }
    }

    #[cfg(feature = "buildkit")]
    fn aux(&mut self, info: BuildInfo) {
        use bollard::models::BuildInfoAux;
        match info.aux {
            Some(BuildInfoAux::Default(image)) => self.image = image.id.or_else(|| self.image.take()),
            Some(BuildInfoAux::BuildKit(status)) => {
                for vertex in &status.vertexes {
                    if vertex.started.is_some() && self.told.insert(vertex.digest.clone()) {
                        self.line(&vertex.name);
                    }
                    if !vertex.error.is_empty() && self.told.insert(format!("{} failed", vertex.digest)) {
                        self.line(&format!("{}: {}", vertex.name, vertex.error));
                    }
                }
                for log in &status.logs {
                    self.text(&String::from_utf8_lossy(&log.msg));
                }
            }
            None => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.partial.push_str(text);
        while let Some((line, rest)) = self.partial.split_once('\n') {
            let (line, rest) = (line.to_owned(), rest.to_owned());
            self.partial = rest;
            self.line(&line);
        }
    }

    /// One line of output.
    pub(super) fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        self.events.emit(&Event::Log { stream: "docker".to_owned(), line: line.to_owned() });
        if self.tail.len() == LINES_SHOWN {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }

    /// The error of a build that failed with `words`, and its last lines behind it.
    pub(super) fn failed(mut self, words: &str) -> Error {
        let rest = std::mem::take(&mut self.partial);
        self.line(&rest);
        let kind = match registry_kind(words) {
            Some(kind @ (ErrorKind::Unauthenticated | ErrorKind::RateLimited)) => kind,
            _ => ErrorKind::BuildFailed,
        };
        let error =
            Error::new(kind, format!("the Docker engine could not build the image: {}", one_line(words)))
                .with_operation("engine.build")
                .with_hint("nothing was tagged or pushed");
        if self.tail.is_empty() { error } else { error.with_source(Vec::from(self.tail).join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use haute_core::event::RecordingSink;

    use super::*;

    #[test]
    fn lines_are_told_whole_and_the_last_ones_stand_behind_the_error() {
        let sink = Arc::new(RecordingSink::default());
        let mut output = Output::new(Arc::clone(&sink) as Arc<dyn EventSink>);
        for text in ["Step 1/2 : FR", "OM x\n", "\n", " ---> 12\nADD fai"] {
            output.take(BuildInfo { stream: Some(text.to_owned()), ..BuildInfo::default() });
        }
        let lines: Vec<_> = sink
            .events()
            .into_iter()
            .map(|event| match event {
                Event::Log { line, .. } => line,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lines, ["Step 1/2 : FROM x", " ---> 12"]);
        let error = output.failed("no space left on device");
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        assert!(haute_core::error::chain(&error)[1].ends_with("ADD fai"));
    }
}
