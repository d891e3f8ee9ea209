"""Loads a model with MLflow's own client and prices quotes: one by one, and all as one frame."""

import json
import sys

import mlflow
import pandas as pd
from mlflow.models import Model

if len(sys.argv) > 2:
    mlflow.set_tracking_uri(sys.argv[2])
uri = sys.argv[1]
quotes = json.load(sys.stdin)
model = mlflow.pyfunc.load_model(uri)
head = Model.load(model._model_impl.context.artifacts["release"] + "/../..")
print(
    json.dumps(
        {
            "single": [model.predict(pd.DataFrame([quote])) for quote in quotes],
            "batch": model.predict(pd.DataFrame(quotes)),
            "inputs": json.loads(head.signature.inputs.to_json()),
            "outputs": json.loads(head.signature.outputs.to_json()),
            "metadata": head.metadata,
            "requirements": head.get_model_info().flavors["python_function"]["env"],
        }
    )
)
