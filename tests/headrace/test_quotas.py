"""A run whose start meets a quota that is used up waits for it, and people are notified."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from headrace.adapters import client as aws
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import PermanentError
from headrace.use_cases.advance_run import Advanced, advance
from headrace.use_cases.decide import Inbox

from tests.headrace import handed_in
from tests.headrace.handed_in import StateMachine
from tests.headrace.samples import BUCKET, NOW, RUN, TRAINING

Upload = Callable[..., dict[str, Any]]
RAW = "abalone/training/data/raw/"


LIMIT = (
    "The account-level service limit 'ml.m5.xlarge for training job usage' is 2 Instances, with "
    "current utilization of 2 Instances and a request delta of 1 Instances."
)


class UsedUp:
    """SageMaker's client while a quota is used up; it has no executions."""

    def __init__(self) -> None:
        self.refuses = True
        self.tokens: list[str] = []

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        self.tokens.append(request["ClientRequestToken"])
        if self.refuses:
            error = {"Code": "ResourceLimitExceeded", "Message": LIMIT}
            raise ClientError({"Error": error}, "StartPipelineExecution")
        return {"PipelineExecutionArn": RUN}

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"PipelineExecutionSummaries": []}])


@pytest.fixture(autouse=True)
def _bucket(inbox: Inbox) -> None:
    """The bucket that manifests are written to."""
    if BUCKET not in [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]]:
        aws.client("s3").create_bucket(Bucket=BUCKET)


def test_a_run_waits_for_a_quota_ever_longer_and_people_are_notified_once(
    inbox: Inbox, upload: Upload, states: StateMachine
) -> None:
    client = UsedUp()
    inbox = replace(inbox, sagemaker=SageMaker(client))
    inbox.handle([upload(RAW + "a.csv")])
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    now, waits = NOW + 60, []
    for _ in range(8):
        answer = advance(handed_in.adapters(inbox), TRAINING, request.id, now)
        assert answer.outcome == "wait"
        assert answer.until is not None
        waits.append(answer.until - now)
        held = inbox.ledger.lane(TRAINING).current
        assert held is not None
        assert held.driven_at == answer.until  # so that reconcile leaves it alone
        now = answer.until
    assert waits == [60, 60, 120, 240, 480, 900, 900, 900]
    ((_, mail),) = inbox.ledger.outbox()
    assert mail["kind"] == "quota-reached"
    assert "ml.m5.xlarge for training job usage" in mail["subject"]
    assert "request-service-quota-increase" in mail["text"]
    assert "--desired-value 3" in mail["text"]
    client.refuses = False
    answer = advance(handed_in.adapters(inbox), TRAINING, request.id, now)
    assert answer == Advanced("done", f"runs as {RUN}")
    assert len(set(client.tokens)) == 1


def test_a_run_that_waits_a_day_for_a_quota_is_given_up(inbox: Inbox, upload: Upload) -> None:
    inbox = replace(inbox, sagemaker=SageMaker(UsedUp()))
    inbox.handle([upload(RAW + "a.csv")])
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    adapters = handed_in.adapters(inbox)
    advance(adapters, TRAINING, request.id, NOW + 60)
    late = NOW + 60 + 24 * 3600
    assert advance(adapters, TRAINING, request.id, late - 1).outcome == "wait"
    with pytest.raises(PermanentError, match=r"used up for 24 hours.*training job usage"):
        advance(adapters, TRAINING, request.id, late)
