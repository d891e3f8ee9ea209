"""Opens a run and begins a logged model with MLflow's own client, and leaves both so."""

import json
import sys

from mlflow import MlflowClient

client = MlflowClient(sys.argv[1])
tags = {"haute.release": sys.argv[3]}
experiment = client.create_experiment(sys.argv[2])
run = client.create_run(experiment, tags=tags)
client.create_logged_model(experiment, name="model", source_run_id=run.info.run_id, tags=tags)
print(json.dumps(None))
