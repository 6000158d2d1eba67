"""What somebody types at `headrace pipelines`, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.cloud import Cloud
from workbench.cli.app import main

READS = ("Describe", "List", "Get", "Head")
TRAINING = ("headrace-abalone-training", "headrace-abalone-training-hpo")
INFERENCE = "headrace-abalone-inference"


class Terminal:
    """What somebody types, and what comes of it: lines, an exit code, calls that write."""

    def __init__(self, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
        self.outputs: dict[str, str] = cloud.info["outputs"]
        self._capsys = capsys
        self.writes: list[str] = []
        self.session = cloud.session()
        self.sagemaker = self.session.client("sagemaker")
        self.sns = self.session.client("sns")

    def note(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(READS):
            self.writes.append(model.name)

    def types(self, *arguments: str) -> list[str]:
        self.writes.clear()
        code = main(["pipelines", *arguments])
        shown = self._capsys.readouterr()
        assert code == 0, shown.err
        return shown.out.splitlines()

    def fails(self, *arguments: str) -> str:
        assert main(["pipelines", *arguments]) == 1
        return self._capsys.readouterr().err

    def describe(self, pipeline: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_pipeline(PipelineName=pipeline)
        return answer
