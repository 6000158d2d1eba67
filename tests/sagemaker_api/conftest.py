"""The SageMaker API in a process of its own, for all tests here; each takes its own names."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sagemaker_api.sagemaker_cloud import ROLE, Bus, Cloud, definition


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    server = Cloud(tmp_path_factory.mktemp("cloud")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def sagemaker(cloud: Cloud) -> Any:
    return cloud.client("sagemaker")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name of the test's own, with letters of both cases."""
    words = "".join(c if c.isalnum() else "-" for c in request.node.name)[5:40].strip("-")
    return f"T-{words}-{zlib.crc32(request.node.name.encode()):x}"


@pytest.fixture
def bus(cloud: Cloud, name: str) -> Bus:
    return Bus(cloud, name)


@pytest.fixture
def pipeline(sagemaker: Any, name: str) -> str:
    """A pipeline of the test's own."""
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition(), RoleArn=ROLE)
    return name
