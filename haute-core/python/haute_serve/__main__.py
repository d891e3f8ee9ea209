"""The commands the builder, the proof and the targets run: `python -m haute_serve observe|prove|serve|price`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .place import settle

settle()

import orjson  # noqa: E402


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    # Haute logs to stdout. stdout is for this program's one answer, so everything else goes to stderr.
    answer = os.fdopen(os.dup(1), "wb", closefd=True)
    os.dup2(2, 1)
    from .errors import ReleaseError

    try:
        return int(options.run(options, answer))
    except ReleaseError as error:
        answer.write(orjson.dumps({"error": error.message, "error_code": error.code}) + b"\n")
        answer.flush()
        return 1


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="haute_serve")
    commands = parser.add_subparsers(required=True)
    observe = commands.add_parser("observe")
    observe.add_argument("--release", type=Path, required=True)
    observe.set_defaults(run=_observe)
    prove = commands.add_parser("prove")
    prove.add_argument("--release", type=Path, required=True)
    prove.add_argument("--out", type=Path, required=True)
    prove.set_defaults(run=_prove)
    serve = commands.add_parser("serve")
    serve.add_argument("--release", type=Path, required=True)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8080)
    serve.add_argument("--listen-fd", type=int, default=None)
    serve.add_argument("--control-fd", type=int, default=None)
    serve.set_defaults(run=_serve)
    price = commands.add_parser("price")
    price.add_argument("--release", type=Path, required=True)
    price.set_defaults(run=_price)
    return parser.parse_args(arguments)


def _observe(options: argparse.Namespace, answer: object) -> int:
    from .manifest import load_release
    from .observe import observe

    _write(answer, observe(load_release(options.release, verify=False)))
    return 0


def _prove(options: argparse.Namespace, answer: object) -> int:
    from .left_out import hide

    hide(options.release)
    from .manifest import load_release
    from .proof import prove

    out = options.out.resolve()
    proof = prove(load_release(options.release))
    out.write_bytes(orjson.dumps(proof, default=str, option=orjson.OPT_INDENT_2) + b"\n")
    _write(answer, {"passed": proof["passed"], "out": str(out)})
    return 0


def _serve(options: argparse.Namespace, answer: object) -> int:
    from .left_out import hide

    hide(options.release)
    from .server import serve

    return serve(options, answer)


def _price(options: argparse.Namespace, answer: object) -> int:
    from .worker import price

    return price(options, answer)  # type: ignore[arg-type]


def _write(answer: object, value: object) -> None:
    line = orjson.dumps(value, default=str) + b"\n"
    answer.write(line)  # type: ignore[attr-defined]
    answer.flush()  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
