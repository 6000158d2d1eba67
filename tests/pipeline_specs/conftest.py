"""Definitions built with no service in reach, and one laptop cloud to put pipelines into."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pipeline_samples import DEPLOYMENT, NOWHERE, Definition, model_package

from local_cloud.cloud import Cloud
from pipeline_specs import settings
from pipeline_specs.settings import Settings


@pytest.fixture
def abalone() -> Settings:
    return settings.load("abalone")[0]


@pytest.fixture(scope="session")
def builders() -> tuple[Any, Any]:
    """The modules that build: importing them takes seconds, and the SDK warns of itself."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        warnings.simplefilter("ignore")
        from pipeline_specs import inference, training
    return training, inference


@pytest.fixture(scope="session")
def build(builders: tuple[Any, Any]) -> Any:
    """Build a pipeline of the given settings by its kind, with no service in reach."""
    training, inference = builders

    @cache
    def built(project: Settings, kind: str) -> Definition:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("AWS_PROFILE", raising=False)
            for name, value in NOWHERE.items():
                patch.setenv(name, value)
            if kind == "inference":
                return Definition(inference.build(project, DEPLOYMENT, model_package()))
            return Definition(training.build(project, DEPLOYMENT, kind))

    return built


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home, template = tmp_path_factory.mktemp("cloud"), Path(__file__).parent / "stack.yaml"
    with Cloud(home, template=template, gitlab=False) as cloud:
        yield cloud
