"""Prints everything an MLflow server keeps under one model's name. Plain HTTP: MLflow's own client takes seconds to import."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

server, name = sys.argv[1:]


def ask(path, body=None, **query):
    url = f"{server}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return {}
        raise


def tags(thing):
    return {tag["key"]: tag["value"] for tag in thing.get("tags", [])}


experiment = ask("experiments/get-by-name", experiment_name=name).get("experiment", {}).get("experiment_id")
runs = ask("runs/search", {"experiment_ids": [experiment]}).get("runs", []) if experiment else []
logged = ask("logged-models/search", {"experiment_ids": [experiment]}).get("models", []) if experiment else []
versions = ask("model-versions/search", filter=f"name='{name}'").get("model_versions", [])
model = ask("registered-models/get", name=name).get("registered_model", {})
print(
    json.dumps(
        {
            "experiment": experiment,
            "runs": [
                {
                    "run_id": run["info"]["run_id"],
                    "status": run["info"]["status"],
                    "tags": tags(run["data"]),
                    "outputs": [made["model_id"] for made in run.get("outputs", {}).get("model_outputs", [])],
                }
                for run in runs
            ],
            "logged": [
                {"model_id": one["info"]["model_id"], "status": one["info"]["status"].removeprefix("LOGGED_MODEL_")}
                for one in logged
            ],
            "versions": [
                {"version": one["version"], "status": one["status"], "tags": tags(one), "source": one["source"]}
                for one in versions
            ],
            "aliases": {one["alias"]: one["version"] for one in model.get("aliases", [])},
        }
    )
)
