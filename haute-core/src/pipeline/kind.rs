//! The kinds of nodes, and what Haute knows about each (`haute.md` §2.2, read from Haute 0.6.0's decorators).

use serde::Serialize;

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// The quote to price.
    ApiInput,
    /// A static table.
    DataInput,
    /// A table written elsewhere.
    DataOutput,
    /// A transform written in Polars.
    Polars,
    /// A join of two inputs.
    EdgeJoin,
    /// Values put into bands.
    Banding,
    /// Look-ups in rating tables.
    RatingStep,
    /// The prediction of a model.
    ModelScore,
    /// An object read from a file, and code that uses it.
    ExternalFile,
    /// Routes one of several inputs by source.
    LiveSwitch,
    /// Named values.
    Constant,
    /// One row per scenario.
    ScenarioExpander,
    /// A saved optimisation result applied.
    OptimiserApply,
    /// The answer.
    Output,
    /// Model training.
    Modelling,
    /// Price optimisation.
    Optimiser,
    /// Exploration in the editor.
    Explore,
    /// A copy of another node with inputs of its own.
    Instance,
}

use NodeKind as K;

/// Every kind.
pub(crate) const ALL: [NodeKind; 18] = [
    K::ApiInput,
    K::DataInput,
    K::DataOutput,
    K::Polars,
    K::EdgeJoin,
    K::Banding,
    K::RatingStep,
    K::ModelScore,
    K::ExternalFile,
    K::LiveSwitch,
    K::Constant,
    K::ScenarioExpander,
    K::OptimiserApply,
    K::Output,
    K::Modelling,
    K::Optimiser,
    K::Explore,
    K::Instance,
];

/// Keys every kind of node may carry.
const UNIVERSAL_KEYS: &[&str] =
    &["instanceOf", "inputMapping", "contract", "selected_columns", "column_renames", "categorical_levels"];

impl NodeKind {
    /// The kind behind `@pipeline.<name>`, the names of Haute 0.3 included.
    pub fn from_decorator(name: &str) -> Option<Self> {
        match name {
            "data_source" => Some(Self::DataInput),
            "data_sink" => Some(Self::DataOutput),
            _ => ALL.into_iter().find(|kind| kind.decorator() == name),
        }
    }

    /// The name of the decorator in Haute 0.6.
    pub fn decorator(self) -> &'static str {
        match self {
            Self::ApiInput => "api_input",
            Self::DataInput => "data_input",
            Self::DataOutput => "data_output",
            Self::Polars => "polars",
            Self::EdgeJoin => "edge_join",
            Self::Banding => "banding",
            Self::RatingStep => "rating_step",
            Self::ModelScore => "model_score",
            Self::ExternalFile => "external_file",
            Self::LiveSwitch => "live_switch",
            Self::Constant => "constant",
            Self::ScenarioExpander => "scenario_expander",
            Self::OptimiserApply => "optimiser_apply",
            Self::Output => "output",
            Self::Modelling => "modelling",
            Self::Optimiser => "optimiser",
            Self::Explore => "explore",
            Self::Instance => "instance",
        }
    }

    /// The folder below `config/` that holds the sidecars of this kind; `None` where there are none.
    pub fn folder(self) -> Option<&'static str> {
        Some(match self {
            Self::ApiInput => "quote_input",
            Self::DataInput => "data_input",
            Self::DataOutput => "data_output",
            Self::Polars => "polars",
            Self::Banding => "banding",
            Self::RatingStep => "rating_step",
            Self::ModelScore => "model_scoring",
            Self::ExternalFile => "load_file",
            Self::LiveSwitch => "source_switch",
            Self::Constant => "constant",
            Self::ScenarioExpander => "expander",
            Self::OptimiserApply => "apply_optimisation",
            Self::Output => "quote_response",
            Self::Modelling => "model_training",
            Self::Optimiser => "optimisation",
            Self::EdgeJoin | Self::Explore | Self::Instance => return None,
        })
    }

    /// The kind whose sidecars a folder holds, in the names of Haute 0.2 to 0.6.
    #[cfg_attr(not(any(feature = "pipeline", test)), expect(dead_code, reason = "only the reader asks"))]
    pub(crate) fn from_folder(folder: &str) -> Option<Self> {
        let old = match folder {
            "api_input" => Some(Self::ApiInput),
            "datasource" | "data_source" => Some(Self::DataInput),
            "data_sink" | "sink" => Some(Self::DataOutput),
            "live_switch" => Some(Self::LiveSwitch),
            "model_score" => Some(Self::ModelScore),
            "factors" => Some(Self::Banding),
            "tables" => Some(Self::RatingStep),
            "output" => Some(Self::Output),
            "external_model" => Some(Self::ExternalFile),
            "modelling" => Some(Self::Modelling),
            "optimiser" => Some(Self::Optimiser),
            "optimiser_apply" => Some(Self::OptimiserApply),
            "scenario_expander" => Some(Self::ScenarioExpander),
            _ => None,
        };
        old.or_else(|| ALL.into_iter().find(|kind| kind.folder() == Some(folder)))
    }

    /// Whether its settings must be in a sidecar.
    pub fn needs_sidecar(self) -> bool {
        self.folder().is_some() && self != Self::Polars
    }

    /// Whether it takes no inputs, whatever its function looks like.
    pub fn is_source(self) -> bool {
        matches!(self, Self::ApiInput | Self::DataInput | Self::Constant)
    }

    /// Whether nothing may be connected behind it.
    pub fn is_sink(self) -> bool {
        matches!(self, Self::Output | Self::DataOutput | Self::Explore | Self::Modelling | Self::Optimiser)
    }

    /// Whether its function may carry code that runs on the node's own result.
    pub fn takes_hook(self) -> bool {
        matches!(
            self,
            Self::DataInput
                | Self::ExternalFile
                | Self::RatingStep
                | Self::ModelScore
                | Self::ScenarioExpander
                | Self::Explore
        )
    }

    /// Whether its settings, not its function, do the work.
    pub fn is_declarative(self) -> bool {
        !matches!(self, Self::Polars | Self::Instance | Self::Explore)
    }

    /// The setting keys Haute 0.6 knows for this kind.
    pub(crate) fn knows_key(self, key: &str) -> bool {
        UNIVERSAL_KEYS.contains(&key) || self.own_keys().contains(&key)
    }

    /// The keys of this kind alone.
    pub(crate) fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::ApiInput => &["path", "contract", "tables"],
            Self::DataInput => &[
                "inputType",
                "format",
                "mode",
                "path",
                "arguments",
                "steps",
                "connection",
                "uri",
                "query",
                "http_path",
                "table",
                "records",
            ],
            Self::DataOutput => {
                &["outputType", "format", "mode", "path", "arguments", "connection", "uri", "table"]
            }
            Self::Polars | Self::Instance => &["steps"],
            Self::EdgeJoin => &[
                "how",
                "on",
                "left_on",
                "right_on",
                "leftOn",
                "rightOn",
                "suffix",
                "coalesce",
                "validate",
                "maintain_order",
                "maintainOrder",
            ],
            Self::Banding => &["factors"],
            Self::RatingStep => &["tables", "combinedOutputs", "steps"],
            Self::ModelScore => &[
                "sourceType",
                "model_path",
                "experiment_name",
                "experiment_id",
                "run_id",
                "run_name",
                "artifact_path",
                "registered_model",
                "version",
                "alias",
                "task",
                "output_column",
                "feature_contract_path",
                "steps",
                "mlflow_destination",
            ],
            Self::ExternalFile => &["path", "fileType", "steps"],
            Self::LiveSwitch => &["input_scenario_map", "inputs"],
            Self::Constant => &["values"],
            Self::ScenarioExpander => {
                &["quote_id", "column_name", "min_value", "max_value", "stepCount", "step_column", "steps"]
            }
            Self::OptimiserApply => &[
                "artifact_path",
                "sourceType",
                "optimiser_mode",
                "version_column",
                "optimised_value_column",
                "ratebook_input",
                "registered_model",
                "version",
                "alias",
                "run_id",
                "run_name",
                "experiment_id",
                "experiment_name",
                "mlflow_destination",
            ],
            Self::Output => &["outputMapping", "outputFormat"],
            Self::Explore => &["steps", "overview", "pivots", "pivot_formulas", "charts"],
            // Never on the scoring path: training and optimisation settings are Haute's to judge.
            Self::Modelling | Self::Optimiser => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decorator_and_folder_leads_back_to_its_kind() {
        for kind in ALL {
            assert_eq!(NodeKind::from_decorator(kind.decorator()), Some(kind));
            if let Some(folder) = kind.folder() {
                assert_eq!(NodeKind::from_folder(folder), Some(kind));
            }
        }
        assert_eq!(NodeKind::from_decorator("data_source"), Some(NodeKind::DataInput));
    }
}
