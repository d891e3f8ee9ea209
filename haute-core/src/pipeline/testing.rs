//! Small projects for tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::diagnostic::{Report, Severity};
use crate::lower::{Lowered, lower_checked};
use crate::pipeline::{Checked, check_file};

/// A project in memory, written to a folder of its own for each check.
#[derive(Clone)]
pub(crate) struct Sample {
    files: BTreeMap<String, Vec<u8>>,
}

const MAIN: &str = r#"import haute
import polars as pl

pipeline = haute.Pipeline("motor")


@pipeline.api_input(config="config/quote_input/quote.json")
def quote(): ...


@pipeline.polars
def priced(policy: pl.LazyFrame) -> pl.LazyFrame:
    return policy.with_columns(premium=pl.col("age") * 2.0)


@pipeline.output(config="config/quote_response/price.json")
def price(priced): ...


pipeline.connect("quote", "priced", source_port="policy")
"#;

const QUOTE: &str = r#"{"path": "data/sample.json", "tables": [{"path": "$[:]", "label": "policy", "emit": true,
 "row_id_column": "id", "columns": [
  {"name": "id", "path": "$[:].id", "type": "int", "selected": true},
  {"name": "age", "path": "$[:].age", "type": "float", "selected": true}]}]}"#;

const PRICE: &str = r#"{"outputMapping": [
 {"source_port": "priced", "source_column": "premium", "output_path": "$[:].premium", "enabled": true}]}"#;

impl Sample {
    /// A project without mistakes: a quote, one transform, the answer.
    pub(crate) fn valid() -> Self {
        Self { files: BTreeMap::new() }
            .write("rating/main.py", MAIN)
            .write("rating/config/quote_input/quote.json", QUOTE)
            .write("rating/config/quote_response/price.json", PRICE)
    }

    /// The valid project with a node of `kind` between the quote and the transform.
    fn with_node(decorator: &str, folder: &str, settings: &str) -> Self {
        Self::valid()
            .replace("rating/main.py", "def priced(policy: pl.LazyFrame)", "def priced(step: pl.LazyFrame)")
            .replace("rating/main.py", "return policy", "return step")
            .replace("rating/main.py", "\"quote\", \"priced\"", "\"quote\", \"step\"")
            .append(
                "rating/main.py",
                &format!(
                    "\n\n@pipeline.{decorator}(config=\"config/{folder}/step.json\")\ndef step(policy): ...\n"
                ),
            )
            .write(&format!("rating/config/{folder}/step.json"), settings)
    }

    pub(crate) fn with_switch(settings: &str) -> Self {
        Self::with_node("live_switch", "source_switch", settings)
    }

    pub(crate) fn with_rating(settings: &str) -> Self {
        Self::with_node("rating_step", "rating_step", settings)
    }

    pub(crate) fn with_banding(settings: &str) -> Self {
        Self::with_node("banding", "banding", settings)
    }

    pub(crate) fn with_model(settings: &str) -> Self {
        Self::with_node("model_score", "model_scoring", settings)
    }

    /// A constant joined to the quote; `port` is what follows the second `connect`'s names.
    pub(crate) fn with_join(arguments: &str, port: &str) -> Self {
        Self::valid()
            .replace("rating/main.py", "def priced(policy: pl.LazyFrame)", "def priced(joined: pl.LazyFrame)")
            .replace("rating/main.py", "return policy", "return joined")
            .replace("rating/main.py", "\"quote\", \"priced\"", "\"quote\", \"joined\", target_port=\"base\"")
            .append(
                "rating/main.py",
                &format!(
                    "\n\n@pipeline.edge_join({arguments})\ndef joined(policy, market): ...\n\n\n@pipeline.constant(config=\"config/constant/market.json\")\ndef market(): ...\n\n\npipeline.connect(\"market\", \"joined\"{port})\n"
                ),
            )
            .write("rating/config/constant/market.json", r#"{"values": [{"name": "age", "value": 1}]}"#)
    }

    pub(crate) fn with_constant(settings: &str) -> Self {
        Self::with_join("how=\"cross\"", ", target_port=\"join\"")
            .write("rating/config/constant/market.json", settings)
    }

    /// A transform that reads `global_constants.fee`.
    pub(crate) fn with_constants(constants: &str) -> Self {
        Self::valid()
            .replace(
                "rating/main.py",
                "haute.Pipeline(\"motor\")",
                "haute.Pipeline(\"motor\", global_constants=\"config/global_constants.json\")\nglobal_constants = pipeline.global_constants",
            )
            .replace("rating/main.py", "* 2.0", "* global_constants.fee")
            .write("rating/config/global_constants.json", constants)
    }

    pub(crate) fn write(self, path: &str, text: &str) -> Self {
        self.bytes(path, text.as_bytes())
    }

    pub(crate) fn bytes(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    pub(crate) fn remove(mut self, path: &str) -> Self {
        assert!(self.files.remove(path).is_some(), "{path} is not there");
        self
    }

    pub(crate) fn append(self, path: &str, text: &str) -> Self {
        let whole = self.text(path) + text;
        self.write(path, &whole)
    }

    pub(crate) fn replace(self, path: &str, from: &str, to: &str) -> Self {
        let text = self.text(path);
        assert!(text.contains(from), "{path} holds no {from:?}");
        self.write(path, &text.replace(from, to))
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.files[path].clone()).unwrap()
    }

    fn placed<T>(&self, run: impl FnOnce(PathBuf) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for (path, bytes) in &self.files {
            let at = root.join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, bytes).unwrap();
        }
        run(root)
    }

    fn run(&self) -> (Option<Checked>, Report) {
        self.placed(|root| {
            let mut report = Report::default();
            let checked = check_file(&root, "rating/main.py", &mut report);
            report.finish();
            (checked, report)
        })
    }

    /// Whether the check finds no error.
    pub(crate) fn passes(&self) -> bool {
        self.run().0.is_some()
    }

    /// The codes found, in order of place.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.run().1.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
    }

    /// What the check says, as text.
    pub(crate) fn check(&self) -> String {
        render(&self.run().1)
    }

    /// What lowering for a version of Haute says, as text; nothing when it succeeds.
    pub(crate) fn lower_with(&self, version: &str) -> String {
        self.placed(|root| {
            let mut report = Report::default();
            let checked = check_file(&root, "rating/main.py", &mut report).expect("the project is valid");
            let mut lowering = Report { sources: report.sources, diagnostics: Vec::new() };
            let lowered = lower_checked(&checked, version, &mut lowering);
            assert_eq!(lowered.is_none(), lowering.has_errors());
            lowering.finish();
            render(&lowering)
        })
    }

    /// The project lowered for Haute 0.6.
    pub(crate) fn lowered(&self) -> Lowered {
        self.placed(|root| {
            let mut report = Report::default();
            let checked = check_file(&root, "rating/main.py", &mut report);
            let checked = checked.unwrap_or_else(|| panic!("{}", render(&report)));
            let lowered = lower_checked(&checked, "0.6.0", &mut report);
            lowered.unwrap_or_else(|| panic!("{}", render(&report)))
        })
    }
}

/// One block of lines per diagnostic.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    for diagnostic in report.resolved() {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(text, "{severity}[{}]: {}", diagnostic.code, diagnostic.message).unwrap();
        for label in &diagnostic.labels {
            let mark = if label.primary { "-->" } else { "   " };
            writeln!(text, "  {mark} {}:{}:{} {}", label.file, label.line, label.column, label.text).unwrap();
        }
        for note in &diagnostic.notes {
            writeln!(text, "  note: {note}").unwrap();
        }
        for help in &diagnostic.helps {
            writeln!(text, "  help: {help}").unwrap();
        }
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}
