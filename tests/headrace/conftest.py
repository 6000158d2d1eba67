"""A project, its lanes and its events as values."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from headrace.adapters import client as aws
from headrace.adapters.ledger import Ledger
from headrace.domain.lane import Lane, Rollout
from headrace.domain.project import Project
from headrace.use_cases.decide import Inbox

from tests.headrace import handed_in
from tests.headrace.aws_services import ministack
from tests.headrace.samples import INFERENCE, NOW, TRAINING, package, payload


@pytest.fixture
def upload() -> Callable[..., dict[str, Any]]:
    """SQS records of uploads, as S3, EventBridge and SQS deliver them."""

    def record(key: str, version: str = "v1") -> dict[str, Any]:
        envelope = payload("object_created")
        envelope["time"] = "2026-11-02T00:00:00Z"
        envelope["detail"]["object"] |= {"key": key, "version-id": version}
        return {"messageId": f"{key}@{version}", "body": json.dumps(envelope)}

    return record


@pytest.fixture
def project() -> Project:
    return Project.parse(
        {
            "project": "abalone",
            "drops": {"quiet_period": 2},
            "quality": {"metric": "mse", "threshold": 10.0},
            "retune": {"cool_down_hours": 24, "max_per_week": 2},
        },
        "project.yaml",
    )


@pytest.fixture
def training() -> Lane:
    return Lane(TRAINING)


@pytest.fixture
def inference() -> Lane:
    return Lane(INFERENCE, rollout=Rollout(live=package(1).arn))


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture
def aws_environment(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients of the layer, pointed at the local services as anybody would point them."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    aws.client.cache_clear()
    yield
    aws.client.cache_clear()


@pytest.fixture
def ledger(aws_environment: None) -> Ledger:
    """A ledger of its own for each test, with the abalone project in it."""
    table = f"ledger-{uuid.uuid4().hex[:8]}"
    aws.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return Ledger(table, aws.client("dynamodb"))


@pytest.fixture
def states() -> handed_in.StateMachine:
    return handed_in.StateMachine()


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def inbox(
    ledger: Ledger, project: Project, states: handed_in.StateMachine, warnings: list[str]
) -> Inbox:
    ledger.put_project(project)
    return handed_in.inbox(ledger, states.start, lambda: NOW, warnings.append)
