"""Loads a model from Unity Catalog with MLflow's own client, by every form of address, and prices quotes."""

import json
import os
import sys

asked = json.load(sys.stdin)
os.environ["DATABRICKS_HOST"] = sys.argv[1]
os.environ["DATABRICKS_TOKEN"] = asked["token"]

import mlflow
import pandas as pd

mlflow.set_tracking_uri("databricks")
mlflow.set_registry_uri("databricks-uc")
frame = pd.DataFrame(asked["quotes"])
print(json.dumps({uri: mlflow.pyfunc.load_model(uri).predict(frame) for uri in asked["addresses"]}))
