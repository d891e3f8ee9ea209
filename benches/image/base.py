"""The base image of both sides: Debian with Python 3.11 and pip, made from packages, under a pinned name in the registry."""

from __future__ import annotations

import argparse
import ensurepip
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from machine import Engine, Registry

REPOSITORY = "python"
TAG = "3.11.9-slim"
PACKAGES = "python3-minimal,libpython3.11-stdlib,ca-certificates"
#: Not in an image of the kind one takes as a base.
LEFT_OUT = (
    "./proc/*",
    "./sys/*",
    "./dev/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./usr/share/doc/*",
)
PIP = "#!/usr/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def name(registry: Registry) -> str:
    """What the base is called, pinned as Haute wants it."""
    return f"{registry.host}/{REPOSITORY}:{TAG}"


def stored(
    registry: Registry, work: Path, *, cache: Path | None, root: Path | None, certificates: Path | None
) -> Path:
    """Registry storage that holds the base image alone; it is kept between runs where `cache` names a folder."""
    storage = (cache or work) / "base-registry"
    complete = storage.with_suffix(".complete")
    if complete.is_file():
        return storage
    print("making the base image", file=sys.stderr, flush=True)
    shutil.rmtree(storage, ignore_errors=True)
    engine = Engine(work / "base-engine")
    registry.serve(storage)
    try:
        engine.forget()
        _make(engine, registry, root or _debian((cache or work) / "debian"), work, certificates)
    finally:
        engine.stop()
        registry.stop()
        shutil.rmtree(engine.folder, ignore_errors=True)
    complete.touch()
    return storage


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how the base is made, and where."""
    add = parser.add_argument
    add("--base-root", type=Path, help="a Debian root with Python 3.11; without it debootstrap makes one")
    add("--cache", type=Path, help="keep the base image in this folder between runs")
    add("--work", type=Path, help="where the temporary folder is made")
    add(
        "--certificates",
        type=Path,
        default=os.environ.get("SSL_CERT_FILE"),
        help="certificates the base image is to trust, where the package index is reached through a proxy",
    )


def _make(engine: Engine, registry: Registry, root: Path, work: Path, certificates: Path | None) -> None:
    """Puts the base into the registry the engine reaches, as two layers: the packages, and pip with this machine's certificates."""
    packages = f"{registry.host}/{REPOSITORY}:packages"
    exclusions = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    with subprocess.Popen(
        ["tar", "-C", str(root), "--numeric-owner", *exclusions, "-c", "."], stdout=subprocess.PIPE
    ) as archive:
        subprocess.run(
            ["docker", "import", "-", packages],
            stdin=archive.stdout,
            env=engine.environment,
            check=True,
            capture_output=True,
        )
    context = work / "base"
    shutil.rmtree(context, ignore_errors=True)
    _pip(context)
    lines = [
        f"FROM {packages}",
        "COPY root/ /",
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHON_VERSION=3.11.2",
        "ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1",
        'CMD ["python3"]',
    ]
    if certificates is not None:
        target = context / "root" / CERTIFICATES.lstrip("/")
        target.parent.mkdir(parents=True)
        shutil.copy(certificates, target)
        lines.append(f"ENV PIP_CERT={CERTIFICATES} SSL_CERT_FILE={CERTIFICATES}")
    if "PIP_INDEX_URL" in os.environ:
        lines.append(f"ENV PIP_INDEX_URL={os.environ['PIP_INDEX_URL']}")
    (context / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    engine.run("build", "--network", "host", "-t", name(registry), str(context))
    engine.run("push", name(registry))


def _debian(into: Path) -> Path:
    """A Debian root made by debootstrap, once."""
    finished = into / "etc" / "debian_version"
    if not finished.is_file():
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(into)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return into


def _pip(context: Path) -> None:
    """The pip that Python brings along, where Debian's Python looks for packages."""
    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        raise SystemExit("this Python brings no pip along: run the benchmark with another")
    packages = context / "root" / "usr" / "lib" / "python3" / "dist-packages"
    packages.mkdir(parents=True)
    with zipfile.ZipFile(bundled[-1]) as wheel:
        wheel.extractall(packages)
    program = context / "root" / "usr" / "local" / "bin" / "pip"
    program.parent.mkdir(parents=True)
    program.write_text(PIP, encoding="utf-8")
    program.chmod(0o755)
