"""Definitions built with no service in reach, and one laptop cloud to put pipelines into."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_cloud.cloud import Cloud
from pipeline_specs.config import settings
from pipeline_specs.config.settings import Settings
from tests.pipeline_specs import every_minute
from tests.pipeline_specs.pipeline_samples import (
    DEPLOYMENT,
    NOWHERE,
    Definition,
    described,
    model_package,
)
from tests.pipeline_specs.typed_commands import Terminal


@pytest.fixture
def abalone() -> Settings:
    return settings.load("abalone")[0]


@pytest.fixture(scope="session")
def builders() -> tuple[Any, Any, Any]:
    """The modules that build: importing them takes seconds, and the SDK warns of itself."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        warnings.simplefilter("ignore")
        from pipeline_specs.pipelines import inference, model_quality, training
    return training, inference, model_quality


@pytest.fixture(scope="session")
def build(builders: tuple[Any, Any, Any]) -> Any:
    """Build a pipeline of the given settings by its kind, with no service in reach."""
    training, inference, model_quality = builders

    @cache
    def built(project: Settings, kind: str) -> Definition:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("AWS_PROFILE", raising=False)
            for name, value in NOWHERE.items():
                patch.setenv(name, value)
            if kind in ("inference", "model-quality"):
                scoring = inference if kind == "inference" else model_quality
                package = model_package(project.project.name)
                return Definition(scoring.build(project, DEPLOYMENT, package))
            return Definition(training.build(project, DEPLOYMENT, kind))

    return built


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home, template = tmp_path_factory.mktemp("cloud"), Path(__file__).parent / "stack.yaml"
    with Cloud(home, template=template, gitlab=False) as cloud:
        every_minute.put(cloud)
        yield cloud


@pytest.fixture
def terminal(
    cloud: Cloud,
    builders: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    terminal = Terminal(cloud, capsys)

    class Watched(boto3.Session):  # type: ignore[misc]  # boto3 ships no types
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.events.register("before-call.*.*", terminal.note)

    access = {
        "AWS_ENDPOINT_URL": cloud.info["endpoint_url"],
        "AWS_DEFAULT_REGION": cloud.info["region"],
        "AWS_ACCESS_KEY_ID": cloud.info["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": cloud.info["secret_access_key"],
    }
    for name, value in access.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "Session", Watched)
    return terminal


@pytest.fixture
def upserted(terminal: Terminal) -> list[str]:
    return terminal.types("upsert", "abalone")


@pytest.fixture
def version(terminal: Terminal) -> Iterator[Callable[..., str]]:
    """Register a version in the group; it is gone after the test."""
    arns: list[str] = []

    def register(approval: str, group: str = "headrace-abalone") -> str:
        sample = described()
        answer = terminal.sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=approval,
            CustomerMetadataProperties=sample["CustomerMetadataProperties"],
            InferenceSpecification={
                **sample["InferenceSpecification"],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        arns.append(answer["ModelPackageArn"])
        return arns[-1]

    yield register
    for arn in arns:
        with contextlib.suppress(ClientError):  # its project was deleted
            terminal.sagemaker.delete_model_package(ModelPackageName=arn)
