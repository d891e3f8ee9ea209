"""The same work with MLflow's own client: logs a release as a model, registers a version, moves the alias."""

import sys
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, Schema

server, release, model_file, name = sys.argv[1:]
mlflow.set_tracking_uri(server)
mlflow.set_experiment(name)
quote = Schema([ColSpec(AnyType(), column) for column in ("IDpol", "VehPower", "DrivAge", "Area", "VehBrand")])
pins = [line.split(" \\")[0] for line in Path(release, "requirements.lock").read_text().splitlines() if "==" in line]
with mlflow.start_run(run_name=f"deploy-{name}"):
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=model_file,
        artifacts={"release": release},
        signature=ModelSignature(inputs=quote, outputs=Schema([ColSpec("double", "premium")])),
        pip_requirements=["mlflow", *pins],
        registered_model_name=name,
    )
MlflowClient().set_registered_model_alias(name, "production", logged.registered_model_version)
