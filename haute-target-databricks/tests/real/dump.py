"""Prints everything an MLflow server keeps under one model's name."""

import json
import sys

from mlflow import MlflowClient

client = MlflowClient(sys.argv[1])
name = sys.argv[2]
experiment = client.get_experiment_by_name(name)
runs = client.search_runs([experiment.experiment_id]) if experiment else []
logged = client.search_logged_models([experiment.experiment_id]) if experiment else []
versions = client.search_model_versions(f"name='{name}'")
models = client.search_registered_models(f"name='{name}'")
print(
    json.dumps(
        {
            "experiment": experiment.experiment_id if experiment else None,
            "runs": [
                {
                    "run_id": run.info.run_id,
                    "status": run.info.status,
                    "tags": run.data.tags,
                    "outputs": [output.model_id for output in run.outputs.model_outputs] if run.outputs else [],
                }
                for run in runs
            ],
            "logged": [{"model_id": model.model_id, "status": str(model.status)} for model in logged],
            "versions": [
                {"version": v.version, "status": v.status, "tags": v.tags, "source": v.source, "run_id": v.run_id}
                for v in versions
            ],
            "aliases": models[0].aliases if models else {},
        }
    )
)
