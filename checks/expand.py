"""The input of the checkers: the template as plain CloudFormation, the state machine substituted.

`python -m checks.expand FOLDER` writes `template.json` and `act.asl.json` there. Nothing is built
or uploaded: the locations of code are placeholders.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import boto3
import yaml

from local_cloud.deploy import template as sam
from local_cloud.deploy.build import Builder, Toolchain

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "template.yaml"
STATE_MACHINE = ROOT / "statemachines/act.asl.yaml"
_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


class _NamesOnly(Builder):
    def function(self, folder: Path) -> tuple[str, bytes]:
        return f"{folder.name}.zip", b""

    def layer(self, logical_id: str, folder: Path) -> tuple[str, bytes]:
        return f"{logical_id}.zip", b""


def expanded() -> dict[str, Any]:
    """Return template.yaml as plain CloudFormation."""
    builder = _NamesOnly(ROOT, Toolchain(pip="", compiler=""))
    packaged = sam.package(
        sam.load(TEMPLATE), ROOT, builder, lambda name, data: f"s3://artefacts/{name}"
    )
    return sam.expand(packaged, boto3.Session(region_name="us-east-1"))


def substituted() -> dict[str, Any]:
    """Return the state machine with an ARN in place of each `${name}` of the template's."""
    text = re.sub(r"\$\{(\w+)\}", rf"{_FUNCTION}\1", STATE_MACHINE.read_text())
    machine: dict[str, Any] = yaml.safe_load(text)
    return machine


def main(folder: Path) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (("template.json", expanded()), ("act.asl.json", substituted())):
        (folder / name).write_text(json.dumps(document, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
