//! `MLmodel`: what a model is. Written as JSON, which is YAML too, so that every scalar is of the type it looks.

use haute_core::error::Result;
use haute_core::release::Release;
use serde_json::{Map, Value, json};

use super::environment::Environment;
use super::example::Example;
use super::signature::Signature;
use super::{ModelFile, RELEASE, pretty};

/// What a model is called where it is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The run that logged it.
    pub run_id: String,
    /// The logged model, `m-…`.
    pub model_id: String,
}

impl Identity {
    /// The model `model_id` of the run `run_id`.
    pub fn new(run_id: impl Into<String>, model_id: impl Into<String>) -> Self {
        Self { run_id: run_id.into(), model_id: model_id.into() }
    }
}

/// `MLmodel` without the names only a server gives.
#[derive(Clone, Debug)]
pub(super) struct Head(Map<String, Value>);

impl Head {
    pub(super) fn new(
        release: &Release,
        environment: &Environment,
        signature: &Signature,
        example: bool,
        files: &[ModelFile],
    ) -> Self {
        let digest = release.digest();
        let manifest = release.manifest();
        let flavor = json!({
            "artifacts": {"release": {"path": RELEASE, "uri": "release"}},
            "config": {"release": digest},
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "loader_module": "mlflow.pyfunc.loaders.code_model",
            "model_code_path": "python_model.py",
            "python_version": environment.python(),
            "streamable": false,
        });
        let head = json!({
            "flavors": {"python_function": flavor},
            "is_signature_from_type_hint": false,
            "metadata": {"haute_release": digest, "haute_model": manifest.name, "haute_version": manifest.haute},
            "mlflow_version": environment.mlflow(),
            "model_size_bytes": files.iter().map(|file| file.size).sum::<u64>(),
            "model_uuid": digest.hex().get(..32),
            "prompts": null,
            "saved_input_example_info": example.then(Example::info),
            "signature": signature.to_value(),
            "type_hint_from_example": false,
        });
        match head {
            Value::Object(head) => Self(head),
            _ => Self(Map::new()),
        }
    }

    pub(super) fn text(&self, identity: Option<&Identity>) -> Result<String> {
        let mut head = self.0.clone();
        if let Some(identity) = identity {
            head.insert("run_id".to_owned(), identity.run_id.clone().into());
            head.insert("model_id".to_owned(), identity.model_id.clone().into());
        }
        pretty(&Value::Object(head))
    }
}
