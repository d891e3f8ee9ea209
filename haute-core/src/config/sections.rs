//! The sections of `haute.toml`, as plain structs.
//!
//! Names and defaults are those of Haute 0.6.0 except where a section says it is this project's own. A key that Haute
//! reads and this project has no use for is here all the same, so that a file loads unchanged.

use serde::{Deserialize, Serialize};

use super::container::ContainerSection;
use super::serving::{BuildSection, ServingSection};

/// `[project]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectSection {
    /// The project's name: what the model is called when [`DeploySection::model_name`] is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The pipeline file, relative to the directory of `haute.toml`, with `/`.
    ///
    /// Once loaded it names an existing file inside the project, links followed. Where the file does not set it, it is
    /// the file Haute would take: `main.py`, else the only `.py` file beside `haute.toml` that makes a pipeline, else
    /// `pipelines/main.py` (the default of Haute 0.1.0).
    pub pipeline: String,
}

/// `[deploy]` and the tables below it that Haute or this crate knows. Tables of further targets are read with
/// [`Config::table`](super::Config::table).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DeploySection {
    /// Where to deploy to.
    pub target: String,
    /// The model's name. Once loaded: as set, else the project's name, else the stem of the pipeline file.
    pub model_name: String,
    /// The serving endpoint's name (Databricks). `None`: no endpoint is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_name: Option<String>,
    /// Which columns of the answer are served, in this order. `None`: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_fields: Option<Vec<String>>,
    /// `[deploy.container]`.
    pub container: ContainerSection,
    /// `[deploy.databricks]`.
    pub databricks: DatabricksSection,
    /// `[deploy.aws-ecs]`.
    #[serde(rename = "aws-ecs")]
    pub aws_ecs: AwsEcsSection,
    /// `[deploy.azure-container-apps]`.
    #[serde(rename = "azure-container-apps")]
    pub azure_container_apps: AzureContainerAppsSection,
    /// `[deploy.gcp-run]`.
    #[serde(rename = "gcp-run")]
    pub gcp_run: GcpRunSection,
    /// `[deploy.serving]`: this project's own.
    pub serving: ServingSection,
    /// `[deploy.build]`: this project's own.
    pub build: BuildSection,
}

impl Default for DeploySection {
    fn default() -> Self {
        Self {
            target: "databricks".to_owned(),
            model_name: String::new(),
            endpoint_name: None,
            output_fields: None,
            container: ContainerSection::default(),
            databricks: DatabricksSection::default(),
            aws_ecs: AwsEcsSection::default(),
            azure_container_apps: AzureContainerAppsSection::default(),
            gcp_run: GcpRunSection::default(),
            serving: ServingSection::default(),
            build: BuildSection::default(),
        }
    }
}

/// `[deploy.databricks]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DatabricksSection {
    /// The MLflow experiment runs are logged to.
    pub experiment_name: String,
    /// The Unity Catalog catalog.
    pub catalog: String,
    /// The Unity Catalog schema.
    pub schema: String,
    /// The serving endpoint's workload size, such as `Small`.
    pub serving_workload_size: String,
    /// Whether the endpoint may go down to no instance when idle.
    pub serving_scale_to_zero: bool,
}

impl Default for DatabricksSection {
    fn default() -> Self {
        Self {
            experiment_name: "/Shared/haute/default".to_owned(),
            catalog: "main".to_owned(),
            schema: "pricing".to_owned(),
            serving_workload_size: "Small".to_owned(),
            serving_scale_to_zero: true,
        }
    }
}

/// `[deploy.aws-ecs]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AwsEcsSection {
    /// The AWS region.
    pub region: String,
    /// The cluster's name; empty when not set.
    pub cluster: String,
    /// The service's name; empty when not set.
    pub service: String,
}

impl Default for AwsEcsSection {
    fn default() -> Self {
        Self { region: "eu-west-1".to_owned(), cluster: String::new(), service: String::new() }
    }
}

/// `[deploy.azure-container-apps]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AzureContainerAppsSection {
    /// The resource group; empty when not set.
    pub resource_group: String,
    /// The app's name; empty when not set.
    pub container_app_name: String,
    /// The environment's name; empty when not set.
    pub environment_name: String,
}

/// `[deploy.gcp-run]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GcpRunSection {
    /// The Google Cloud project; empty when not set.
    pub project: String,
    /// The region.
    pub region: String,
    /// The service's name; empty when not set.
    pub service: String,
}

impl Default for GcpRunSection {
    fn default() -> Self {
        Self { project: String::new(), region: "europe-west1".to_owned(), service: String::new() }
    }
}

/// `[test_quotes]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TestQuotesSection {
    /// The directory of test quotes, relative to the directory of `haute.toml`. `None`: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
}

/// `[safety]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SafetySection {
    /// A Parquet file of quotes to compare staging and production on; empty when not set.
    pub impact_dataset: String,
    /// `[safety.approval]`.
    pub approval: ApprovalSection,
}

/// `[safety.approval]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApprovalSection {
    /// How many people must agree before production changes.
    pub min_approvers: u32,
}

impl Default for ApprovalSection {
    fn default() -> Self {
        Self { min_approvers: 2 }
    }
}

/// `[ci]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CiSection {
    /// Which CI service: `github`, `gitlab`, `azure-devops` or `none`. Free text, as in Haute.
    pub provider: String,
    /// `[ci.staging]`.
    pub staging: StagingSection,
    /// `[ci.production]`.
    pub production: ProductionSection,
}

impl Default for CiSection {
    fn default() -> Self {
        Self {
            provider: "github".to_owned(),
            staging: StagingSection::default(),
            production: ProductionSection::default(),
        }
    }
}

/// `[ci.staging]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StagingSection {
    /// What staging adds to names.
    pub endpoint_suffix: String,
    /// Where staging answers quotes; empty when not set.
    pub endpoint_url: String,
}

impl Default for StagingSection {
    fn default() -> Self {
        Self { endpoint_suffix: "-staging".to_owned(), endpoint_url: String::new() }
    }
}

/// `[ci.production]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProductionSection {
    /// Where production answers quotes; empty before the first deployment.
    pub endpoint_url: String,
}

/// `[server]`: settings of Haute's own editor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ServerSection {
    /// The address the editor listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// `[mlflow]`: where Haute's editor logs training runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MlflowSection {
    /// The tracking server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_uri: Option<String>,
    /// The folder of experiments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// `[assistant]`: settings of the assistant in Haute's editor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AssistantSection {
    /// `anthropic`, `openai` or `databricks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// `[assistant.egress]`.
    pub egress: EgressSection,
}

/// `[assistant.egress]`: what the editor's assistant may send away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EgressSection {
    /// `local`, `organization` or `external`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// `public`, `internal` or `restricted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sensitivity: Option<String>,
    /// Whether project knowledge may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_project_knowledge: Option<bool>,
    /// Whether source text may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_executable_source: Option<bool>,
    /// Whether sample rows may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_row_samples: Option<bool>,
    /// Whether counts and shares may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_aggregate_statistics: Option<bool>,
}
