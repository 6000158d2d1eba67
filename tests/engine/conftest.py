"""A real S3 (MiniStack, IAM enforced) in a process of its own, and an engine with a host that
only keeps what it is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import Cloud, RecordingHost

ROOT = Path(__file__).parents[2]
JOBS_PYTHON = Path(sys.executable).parents[2] / "jobs/bin/python"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = _free_port()
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PERSIST_STATE": "0",
    }
    log = (tmp_path_factory.mktemp("ministack") / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"], env=environment, stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                time.sleep(0.02)
        yield url
    finally:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session("test", "test", region_name="us-east-1")


@pytest.fixture
def cloud(endpoint: str, session: boto3.Session, tmp_path: Path) -> Cloud:
    return Cloud.with_new_bucket(endpoint, session, tmp_path.name)


@pytest.fixture
def host(cloud: Cloud) -> RecordingHost:
    return RecordingHost(cloud)


@pytest.fixture
def engine(host: RecordingHost, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(host, tmp_path / "work", JOBS_PYTHON)
    yield made
    made.shutdown()
