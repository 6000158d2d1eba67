"""The functions' handlers, each with a runtime that is handed in."""

import importlib.util
import json
import logging
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from headrace.adapters import client as aws
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import Execution
from headrace.domain.errors import PermanentError
from headrace.domain.project import Project
from headrace.runtime import Runtime

from tests.headrace.samples import NOW, RUN, payload

CONTEXT = SimpleNamespace(
    function_name="notify",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:notify",
    aws_request_id="request-1",
)


@pytest.fixture
def notify(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "headrace")
    path = Path(__file__).parents[2] / "functions/notify/app.py"
    spec = importlib.util.spec_from_file_location("notify_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(message_id: str, execution_arn: str) -> dict[str, str]:
    """Return the word that a run was stopped, as its queue delivers it."""
    envelope = payload("run_status")
    envelope["detail"] |= {
        "currentPipelineExecutionStatus": "Stopped",
        "pipelineExecutionArn": execution_arn,
    }
    return {"messageId": message_id, "body": json.dumps(envelope)}


def test_an_unexpected_exception_fails_only_its_record(
    notify: ModuleType, ledger: Ledger, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    def describe(arn: str) -> Execution:
        if arn.endswith("bug"):
            raise KeyError("a bug")
        return Execution(arn, "Stopped", "upload-1", NOW, "upload of 1 file: a.csv")

    ledger.put_project(project)
    told: list[Any] = []
    adapters = {
        "ledger": ledger,
        "bucket": SimpleNamespace(name="bucket", read_json=lambda uri: None),
        "sagemaker": SimpleNamespace(describe=describe),
        "topic": SimpleNamespace(publish=told.append),
        "now": lambda: NOW,
    }
    notify.runtime = lambda: SimpleNamespace(**adapters)  # type: ignore[attr-defined]
    records = [record("bug", f"{RUN}bug"), record("good", RUN)]
    answer = notify.handler({"Records": records}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bug"}]}
    assert [message.kind for message in told] == ["run-stopped"]
    (crash,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert crash.exc_info is not None
    assert crash.exc_info[0] is KeyError


def test_a_setting_that_the_template_does_not_give_is_named() -> None:
    with pytest.raises(PermanentError, match="no DATA_BUCKET; see template"):
        _ = Runtime({}).bucket


def test_an_adapter_makes_its_client_when_it_first_calls_it(aws_environment: None) -> None:
    aws.client.cache_clear()
    runtime = Runtime({"LEDGER_TABLE": "ledger", "DATA_BUCKET": "bucket"})
    assert (runtime.ledger, runtime.bucket, runtime.sagemaker) is not None
    assert aws.client.cache_info().currsize == 0
    assert runtime.ledger is runtime.ledger
