"""Builds release directories from Haute projects for the tests, in the shape MANIFEST.md describes.

Not the product's builder: it lowers just enough (implicit edges, pruning) for the projects the tests use.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent / "haute_serve"
REPOSITORY = PACKAGE.parents[2]
PROJECTS = Path(os.environ.get("HAUTE_TEST_PROJECTS") or REPOSITORY / "examples" / "projects")

APP = '''"""Serves this release: any ASGI server can run `app:app`."""

import sys
from pathlib import Path

RELEASE = Path(__file__).resolve().parent
sys.path.insert(0, str(RELEASE / "runtime"))

from haute_serve.app import create_app  # noqa: E402

app = create_app(RELEASE)
'''


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def build_release(project: Path, target: Path, *, observe: bool = True, **changes: Any) -> Path:
    """A release of `project` in `target`; `changes` replace top-level manifest keys."""
    settings = tomllib.loads((project / "haute.toml").read_text(encoding="utf-8"))
    pipeline = Path(settings["project"]["pipeline"])
    ignore = shutil.ignore_patterns(
        "__pycache__", ".haute*", "tests", "*.lock", ".git", "train", "app.py", "*.pyc"
    )
    shutil.copytree(project, target / "project", ignore=ignore)
    (target / "project" / ".git").write_text("", encoding="utf-8")
    source = target / "project" / pipeline
    lowered, graph = lower(source.read_text(encoding="utf-8"), source.parent)
    source.write_text(lowered, encoding="utf-8")
    shutil.copytree(PACKAGE, target / "runtime" / "haute_serve", ignore=shutil.ignore_patterns("__pycache__"))
    (target / "app.py").write_text(APP, encoding="utf-8")
    write_json(target / "quotes.json", read_quotes(project, settings))
    manifest = {
        "schema": "haute.release/1",
        "name": settings["project"]["name"],
        "haute": version("haute"),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "platform": "linux/amd64",
        "pipeline": {
            "file": f"project/{pipeline.as_posix()}",
            "directory": (Path("project") / pipeline.parent).as_posix(),
            "name": graph["name"],
            "nodes": graph["nodes"],
            "output_node": graph["output"],
            "output_fields": settings.get("deploy", {}).get("output_fields"),
        },
        "input": graph["input"],
        "output": {"mapping": graph["mapping"]},
        "scoring": None,
        "limits": {},
        "docs": True,
        "files": [],
        "quotes": {"file": "quotes.json"},
        **changes,
    }
    write_json(target / "manifest.json", manifest)
    if observe:
        manifest["scoring"] = observed(target)["scoring"]
        seal(target, manifest)
    return target


def seal(release: Path, manifest: dict[str, Any]) -> None:
    """Lists the release's files in its manifest."""
    files = [
        {
            "path": path.relative_to(release).as_posix(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }
        for path in sorted(release.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and "__pycache__" not in path.parts
    ]
    write_json(release / "manifest.json", {**manifest, "files": files})


def environment(release: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if key in ("PATH", "HOME", "LANG", "TMPDIR") or key.startswith("POLARS_")
    }
    return {**kept, "PYTHONPATH": str(release / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}


def run(release: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "haute_serve", *arguments],
        env=environment(release),
        cwd=release.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def observed(release: Path) -> dict[str, Any]:
    result = run(release, "observe", "--release", str(release))
    assert result.returncode == 0, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def proved(release: Path) -> dict[str, Any]:
    out = release.parent / f"{release.name}-proof.json"
    result = run(release, "prove", "--release", str(release), "--out", str(out))
    assert result.returncode == 0, result.stdout + result.stderr
    proof: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return proof


def read_quotes(project: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    folder = settings["test_quotes"]["dir"]
    quotes = []
    for path in sorted((project / folder).glob("*.json")):
        for index, row in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            kept = {key: value for key, value in row["input"].items() if not key.startswith("_")}
            quotes.append(
                {
                    "id": f"{folder}/{path.name}#{index}",
                    "input": kept,
                    "expected": row.get("expected"),
                    "tolerance_pct": row.get("tolerance_pct", 0.0),
                }
            )
    return quotes


def lower(text: str, directory: Path) -> tuple[str, dict[str, Any]]:
    """The pruned source with explicit edges, and what the manifest says about it."""
    module = ast.parse(text)
    functions: dict[str, ast.FunctionDef] = {}
    kinds: dict[str, str] = {}
    configs: dict[str, str] = {}
    connects: list[tuple[str, str, str | None, str | None]] = []
    name = ""
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef):
            for decorator in statement.decorator_list:
                call = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(call, ast.Attribute) and ast.unparse(call.value) == "pipeline":
                    functions[statement.name] = statement
                    kinds[statement.name] = call.attr
                    for keyword in getattr(decorator, "keywords", []):
                        if keyword.arg == "config":
                            configs[statement.name] = ast.literal_eval(keyword.value)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            calls: list[ast.Call] = []
            call_node: ast.expr = statement.value
            while isinstance(call_node, ast.Call) and isinstance(call_node.func, ast.Attribute):
                calls.insert(0, call_node)
                call_node = call_node.func.value
            for one in calls:
                arguments = [ast.literal_eval(argument) for argument in one.args]
                keywords = {k.arg: ast.literal_eval(k.value) for k in one.keywords}
                assert isinstance(one.func, ast.Attribute)
                if one.func.attr == "connect":
                    connects.append(
                        (*arguments[:2], keywords.get("source_port"), keywords.get("target_port"))
                    )
        elif isinstance(statement, ast.Assign) and "Pipeline(" in ast.unparse(statement.value):
            assert isinstance(statement.value, ast.Call)
            name = ast.literal_eval(statement.value.args[0])
    parameters = {key: [a.arg for a in fn.args.args] for key, fn in functions.items()}
    linked = {(source, target) for source, target, _, _ in connects}
    for target, names in parameters.items():
        for parameter in names:
            if parameter in functions and (parameter, target) not in linked:
                connects.append((parameter, target, None, None))

    def slot(edge: tuple[str, str, str | None, str | None]) -> int:
        known = parameters.get(edge[1], [])
        label = edge[2] if edge[2] in known else edge[0]
        return known.index(label) if label in known else len(known)

    connects.sort(key=slot)
    output = next(key for key, kind in kinds.items() if kind == "output")
    kept = {output}
    while True:
        more = {source for source, target, _, _ in connects if target in kept} - kept
        if not more:
            break
        kept |= more
    body: list[ast.stmt] = []
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in functions:
            if statement.name not in kept:
                continue
        elif isinstance(statement, ast.Expr) and ".connect(" in ast.unparse(statement):
            continue
        body.append(statement)
    lines = [ast.unparse(ast.Module(body=body, type_ignores=[]))]
    for source, target, source_port, target_port in connects:
        if source in kept and target in kept:
            ports = "".join(
                f", {key}={value!r}"
                for key, value in (("source_port", source_port), ("target_port", target_port))
                if value
            )
            lines.append(f"pipeline.connect({source!r}, {target!r}{ports})")
    live = next(key for key, kind in kinds.items() if kind == "api_input" and key in kept)
    sidecar = json.loads((directory / configs[live]).read_text(encoding="utf-8"))
    ports = list(
        dict.fromkeys(
            port for source, target, port, _ in connects if source == live and target in kept and port
        )
    )
    answer = json.loads((directory / configs[output]).read_text(encoding="utf-8"))
    graph = {
        "name": name,
        "nodes": [key for key in functions if key in kept],
        "output": output,
        "input": {"node": live, "mode": "tables", "tables": sidecar["tables"], "ports": ports},
        "mapping": answer["outputMapping"],
    }
    return "\n".join(lines) + "\n", graph
