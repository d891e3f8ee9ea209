"""Deploys one release to a real MLflow server, with this project and with MLflow's own client: wall time and peak memory.

    python benches/mlflow/run.py --register target/release/examples/register --release DIR --proof FILE

Run with a Python that has mlflow. The release and its proof are what `haute-cli prove` leaves below `.haute-cli`.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "haute-target-databricks" / "src" / "model" / "python_model.py"


def measured(command: list[str], environment: dict[str, str], url: str, model: str) -> tuple[float, float]:
    """Wall time in seconds and peak memory in MiB of one process, which must leave a version behind the alias."""
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if status != 0:
            log.seek(0)
            sys.exit(f"{command}: {log.read().decode()}")
    # What did nothing would be fast.
    query = f"{url}/api/2.0/mlflow/registered-models/alias?name={model}&alias=production"
    with urllib.request.urlopen(query) as answer:
        assert json.load(answer)["model_version"]["version"] == "1", command
    return wall, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--register", required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--proof", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_DISABLE_TELEMETRY": "true",
                   "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with tempfile.TemporaryDirectory() as directory:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port),
             "--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--artifacts-destination", f"{directory}/artifacts"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            wait(url)
            ours, theirs = [], []
            for number in range(options.rounds):
                records = f"{directory}/records-{number}"
                model = f"ours-{number}"
                command = [options.register, options.release, options.proof, model, records]
                ours.append(measured(command, environment, url, model))
                model = f"theirs-{number}"
                command = [sys.executable, str(HERE / "client.py"), url, options.release, str(MODEL), model]
                theirs.append(measured(command, environment, url, model))
        finally:
            os.killpg(server.pid, 9)
            server.wait()
    for name, index, unit in (("wall", 0, "s"), ("peak memory", 1, "MiB")):
        one = statistics.median(row[index] for row in ours)
        other = statistics.median(row[index] for row in theirs)
        print(f"{name}: ours {one:.2f} {unit}, MLflow's client {other:.2f} {unit}, {other / one:.1f} times")


def wait(url: str) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the MLflow server does not answer")


if __name__ == "__main__":
    main()
