"""What the tests of the layer are about: one project's names, a moment, events and versions."""

import json
from pathlib import Path
from typing import Any

from headrace.domain.events import ObjectCreated
from headrace.domain.model_version import ModelPackage

EVENTS = Path(__file__).parent.parent / "events"
NOW = 1_793_606_400.0
BUCKET = "headrace-databucket-1a2b3c"
TRAINING = "headrace-abalone-training"
HPO = "headrace-abalone-training-hpo"
INFERENCE = "headrace-abalone-inference"
TRUTH_CHECKS = "headrace-abalone-model-quality"
RUN = f"arn:aws:sagemaker:eu-west-1:123456789012:pipeline/{INFERENCE}/execution/9v2kq0x4w7ab"


def payload(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def uploaded(key: str, *, size: int = 100, version: str = "v1", time: float = NOW) -> ObjectCreated:
    return ObjectCreated(BUCKET, key, version, size, time)


def package(version: int = 1, **changes: Any) -> ModelPackage:
    values: dict[str, Any] = {
        "arn": f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/headrace-abalone/{version}",
        "group": "headrace-abalone",
        "version": version,
        "approval": "Approved",
        "created": NOW - 100,
        "modified": NOW,
        "modified_by": "ada",
        "evaluation_uri": "s3://bucket/evaluation.json",
        "metadata": {"kind": "training", "metric": "mse", "threshold": "10.0"},
    }
    return ModelPackage(**{**values, **changes})
