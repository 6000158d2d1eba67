"""The events of the cold starts, and a world of one project in which each comes to its call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headrace.adapters.ledger import Ledger
from headrace.domain.events import ObjectCreated
from headrace.domain.lane import Lane, Request, Rollout
from headrace.domain.project import Project
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived

from benchmarks.stub import Items

EVENTS = Path(__file__).parents[1] / "tests" / "events"
TABLE = "ledger"
BUCKET = "headrace-databucket-1a2b3c"
PROJECT = Project.parse(
    {"project": "abalone", "quality": {"metric": "mse", "threshold": 10.0}}, "project.yaml"
)
NAMES = PROJECT.pipelines
ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
PACKAGE = f"{ARN}:model-package/headrace-abalone/2"
RUN = f"{ARN}:pipeline/{NAMES.inference}/execution/9v2kq0x4w7ab"
DROP = "upload-20261102-081533-0123456789"
REFRESH = "refresh-0123456789abcdef01234567"
LONG_AGO = 1_700_000_000.0


class Recorder:
    """Stands for a DynamoDB client, keeps what is written."""

    def __init__(self) -> None:
        self.items: Items = {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        for write in TransactItems:
            item = write["Put"]["Item"]
            self.items[item["pk"]["S"], item["sk"]["S"]] = item
        return {}


def items() -> Items:
    """A ledger with a project, a drop that is complete, and a refresh that was decided."""
    recorder = Recorder()
    ledger = Ledger(TABLE, recorder)
    ledger.put_project(PROJECT)
    lane = Lane(
        NAMES.inference.lower(),
        waiting=Request(DROP, LONG_AGO, LONG_AGO),
        rollout=Rollout(live=PACKAGE, wanted=PACKAGE, refresh_id=REFRESH),
    )
    item = ObjectCreated(BUCKET, "abalone/batch-scoring/data/raw/a.csv", "v1", 88123, LONG_AGO)
    decision = decide(PROJECT, lane, FilesArrived((item,)), LONG_AGO + 5)
    ledger.commit(PROJECT, lane, decision, [item.business_key], LONG_AGO + 5)
    # Nothing is left in the outbox: the state machine has it.
    return {key: item for key, item in recorder.items.items() if key[0] != "OUTBOX"}


def payload(name: str, **detail: str) -> dict[str, Any]:
    """AWS's published example of an event, with some of its detail changed."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    event["detail"] |= detail
    return event


def records(event: dict[str, Any]) -> dict[str, Any]:
    """An event as a queue hands it over: a batch of one."""
    return {"Records": [{"messageId": "1", "body": json.dumps(event)}]}


_REQUEST = {"pipeline": NAMES.inference, "request_id": DROP}
# function -> what it is handed -> the call that all of it is for
CASES: dict[str, tuple[str, Any, str]] = {
    "decide: an upload": (
        "decide",
        records(payload("object_created")),
        "StartExecution",
    ),
    "advance_run: a drop is quiet": ("advance_run", _REQUEST, "StartPipelineExecution"),
    "notify: a run was stopped": (
        "notify",
        records(
            payload(
                "run_status",
                currentPipelineExecutionStatus="Stopped",
                pipelineArn=f"{ARN}:pipeline/{NAMES.training}",
            )
        ),
        "Publish",
    ),
    "notify: a run failed, and why": ("notify", records(payload("run_status")), "Publish"),
    "refresh_inference: an approval": (
        "refresh_inference",
        {"group": "headrace-abalone", "arn": PACKAGE, "refresh_id": REFRESH},
        "POST /api",
    ),
    "reconcile: the timer": ("reconcile", {"inventory": False}, "ListModelPackages"),
}
_CI = {"id": 7, "status": "created", "web_url": "https://gitlab.example/pipelines/7"}
ANSWERS: dict[str, Any] = {
    "StartExecution": {"executionArn": "arn:aws:states:::execution:act:1", "startDate": 1.0},
    "StartPipelineExecution": {"PipelineExecutionArn": RUN},
    "ListPipelineExecutions": {"PipelineExecutionSummaries": []},
    "DescribePipelineExecution": {"PipelineExecutionStatus": "Executing"},
    "ListPipelineExecutionSteps": {
        "PipelineExecutionSteps": [
            {
                "StepName": "ModelQuality",
                "StepStatus": "Failed",
                "FailureReason": "AlgorithmError: See job logs for more information",
                "Metadata": {"ProcessingJob": {"Arn": f"{ARN}:processing-job/model-quality"}},
            }
        ]
    },
    "DescribeProcessingJob": {
        "ExitMessage": '{"metric":"mse","value":16.1,"threshold":10.0,"passed":false,"rows":1200}'
    },
    "ListModelPackages": {"ModelPackageSummaryList": []},
    "DescribeModelPackage": {
        "ModelPackageArn": PACKAGE,
        "ModelPackageGroupName": "headrace-abalone",
        "ModelPackageVersion": 2,
        "ModelApprovalStatus": "Approved",
        "CreationTime": LONG_AGO,
        "CustomerMetadataProperties": {"kind": "training"},
    },
    "GetSecretValue": {"SecretString": '{"trigger_token": "t", "api_token": "a"}'},
    "SendMessage": {"MessageId": "1", "MD5OfMessageBody": ""},
    "Publish": b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
    b"<MessageId>1</MessageId></PublishResult></PublishResponse>",
    f"PUT /{BUCKET}": b"",
    f"GET /{BUCKET}?versions": b"<ListVersionsResult><IsTruncated>false</IsTruncated><Version>"
    b"<Key>abalone/batch-scoring/data/ground-truth/a.csv</Key><VersionId>v1</VersionId>"
    b"<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    b"<IsLatest>true</IsLatest></Version></ListVersionsResult>",
    f"GET /{BUCKET}": b'{"violations": []}',
    "GET /api": [],
    "POST /api": _CI,
}
ENVIRONMENT = {
    "LEDGER_TABLE": TABLE,
    "DATA_BUCKET": BUCKET,
    "ALERTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:alerts",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:123456789012:stateMachine:act",
    "FORGOTTEN_AFTER_SECONDS": "600",
    "KEEP_MODELS_DAYS": "30",
    "INBOX_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/inbox",
    "NOTIFY_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/notify",
    "GITLAB_PROJECT_PATH": "group/headrace",
    "GITLAB_REF": "main",
    "GITLAB_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gitlab",
    "POWERTOOLS_SERVICE_NAME": "headrace",
}
