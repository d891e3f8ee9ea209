"""The project as it changes: a copy under git, edited as the scenarios ask, with what each side starts from for every version of it."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "serving"))

from servers import FAKE_DOCKER, contained, plain_environment

GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
#: Ours; each has an overlay of the settings that chooses it.
BUILDERS = ("direct", "engine")
#: Writes a CatBoost model again with another note in it: other bytes, the same prices.
CATBOOST_EDIT = """
import sys
from catboost import CatBoost
model = CatBoost().load_model(sys.argv[1])
model.get_metadata()["benchmark_edit"] = sys.argv[2]
model.save_model(sys.argv[1])
"""


@dataclasses.dataclass(frozen=True)
class Version:
    """One state of the project: Haute's build directory for it, and our release."""

    name: str
    commit: str
    build_directory: Path | None = None
    release: Path | None = None
    proof: Path | None = None


class Project:
    """The copy that is edited."""

    def __init__(self, source: Path, work: Path, registry: str, base_image: str) -> None:
        self.folder = work / "project"
        self._work = work
        self._edits = 0
        ignored = shutil.ignore_patterns(".haute*", "__pycache__", ".git", ".venv")
        shutil.copytree(source, self.folder, ignore=ignored)
        self.name = self._settle(registry, base_image)
        self._git("init", "-q")
        with (self.folder / ".git" / "info" / "exclude").open("a", encoding="utf-8") as exclude:
            exclude.write("/.haute*/\n")
        for builder in BUILDERS:
            overlay = f'[deploy.container]\nbuilder = "{builder}"\n'
            (self.folder / f"haute.{builder}.toml").write_text(overlay, encoding="utf-8")
        self._commit("as it is")

    def version(self, name: str, haute: Path, haute_cli: Path | None) -> Version:
        """What the two sides start from for the project as it is now. None of this is timed."""
        version = Version(name, self._commit_name(), build_directory=self._build_directory(haute, name))
        if haute_cli is None:
            return version
        release, proof = self.proven_release(name, haute_cli)
        return dataclasses.replace(version, release=release, proof=proof)

    def proven_release(self, name: str, haute_cli: Path) -> tuple[Path, Path]:
        """Our release of the project as it is now, and its proof."""
        folder = self._work / "releases"
        folder.mkdir(exist_ok=True)
        release, proof = folder / name, folder / f"{name}.proof.json"
        command = [str(haute_cli), "--project", str(self.folder)]
        _run([*command, "build", "--output", str(release)], self.folder, dict(os.environ))
        _run(
            [*command, "prove", "--release", str(release), "--out", str(proof)], self.folder, dict(os.environ)
        )
        return release, proof

    def check_out(self, version: Version) -> None:
        """Lets the copy stand at a version, without the memory of earlier deployments."""
        self._git("checkout", "-q", version.commit)
        shutil.rmtree(self.folder / ".haute-cli", ignore_errors=True)

    def edit_code(self) -> None:
        """One line more in a module that both sides ship: the helpers of the pipeline where there are any, else the pipeline itself."""
        self._edits += 1
        helpers = sorted(self._files("utility/*.py"))
        modules = [path for path in helpers if path.name != "__init__.py"] or [self._pipeline()]
        with modules[0].open("a", encoding="utf-8") as module:
            module.write(f"\n\nBENCHMARK_EDIT = {self._edits}\n")
        self._commit(f"code {self._edits}")

    def edit_model(self) -> None:
        """Other bytes in the largest model file, and the same prices."""
        self._edits += 1
        models = [path for suffix in ("cbm", "rsglm") for path in self._files(f"*.{suffix}")]
        if not models:
            raise SystemExit("the project has no model file this benchmark can change (.cbm or .rsglm)")
        model = max(models, key=lambda path: path.stat().st_size)
        if model.suffix == ".cbm":
            _run(
                [sys.executable, "-c", CATBOOST_EDIT, str(model), str(self._edits)],
                self.folder,
                dict(os.environ),
            )
        else:
            # A pickle ends where it says so; what follows is not read.
            with model.open("ab") as content:
                content.write(b"\n")
        self._commit(f"model {self._edits}")

    def _build_directory(self, haute: Path, name: str) -> Path:
        """What `haute deploy` hands to `docker build`: a program named docker takes it and builds nothing."""
        tools = self._work / "tools"
        tools.mkdir(exist_ok=True)
        docker = tools / "docker"
        docker.write_text(FAKE_DOCKER, encoding="utf-8")
        docker.chmod(0o755)
        captured = self._work / "build-directories" / name
        captured.parent.mkdir(exist_ok=True)
        environment = {
            **plain_environment(),
            "CI": "true",
            "BENCH_CAPTURE": str(captured),
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        }
        _run(contained([str(haute), "deploy"]), self.folder, environment)
        if not (captured / "Dockerfile").is_file():
            raise SystemExit("haute deploy built nothing")
        return captured

    def _settle(self, registry: str, base_image: str) -> str:
        """Points the settings of haute.toml at the benchmark's registry and base; returns the model's name."""
        path = self.folder / "haute.toml"
        text = path.read_text(encoding="utf-8")
        for key, value in (("target", "container"), ("registry", registry), ("base_image", base_image)):
            text, count = re.subn(rf'(?m)^{key} *= *"[^"]*"', f'{key} = "{value}"', text)
            if count != 1:
                raise SystemExit(f"haute.toml has `{key}` {count} times; this benchmark needs it once")
        path.write_text(text, encoding="utf-8")
        name = re.search(r'(?m)^model_name *= *"([^"]*)"', text)
        if name is None:
            raise SystemExit("haute.toml has no model_name")
        return name[1]

    def _files(self, pattern: str) -> list[Path]:
        """Files of the project, wherever they are; not what the tools keep below it in folders with a dot."""
        found = self.folder.rglob(pattern)
        return [
            path for path in found if not any(part[0] == "." for part in path.relative_to(self.folder).parts)
        ]

    def _pipeline(self) -> Path:
        found = re.search(
            r'(?m)^pipeline *= *"([^"]*)"', (self.folder / "haute.toml").read_text(encoding="utf-8")
        )
        return self.folder / (found[1] if found else "rating/main.py")

    def _commit(self, message: str) -> None:
        self._git("add", "-A")
        self._git("commit", "-qm", message)

    def _commit_name(self) -> str:
        return self._git("rev-parse", "--short", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return _run([*GIT, *arguments], self.folder, dict(os.environ))


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout
