"""Prices quotes with the release among this model's artifacts, through the runtime package in the release itself."""

import importlib.util
import uuid
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE


class HauteModel(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        release = Path(context.artifacts["release"])
        # Under a name of its own: another model of this process may carry another version of the package.
        spec = importlib.util.spec_from_file_location(
            f"haute_model_{uuid.uuid4().hex}", release / "runtime" / "haute_serve" / "model.py"
        )
        self._runtime = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._runtime)
        self._model = self._runtime.Model(release)
        loaded = self._model.load()["release"]
        wanted = (context.model_config or {}).get("release")
        if loaded != wanted:
            raise MlflowException(f"the model is of release {wanted}, its artifacts are of {loaded}", INTERNAL_ERROR)

    def predict(self, context, model_input, params=None):
        try:
            return self._model.predict(model_input)
        except self._runtime.Refused as refused:
            raise MlflowException(str(refused), INVALID_PARAMETER_VALUE) from None
        except self._runtime.Failed as failed:
            raise MlflowException(str(failed), INTERNAL_ERROR) from None


set_model(HauteModel())
