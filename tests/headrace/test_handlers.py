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
    get_remaining_time_in_millis=lambda: 60_000,
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


def handed_in(ledger: Ledger, told: list[Any], refused: list[Any], describe: Any) -> Any:
    """Return a runtime of these, whose topic and dead-letter queue are lists."""
    return SimpleNamespace(
        ledger=ledger,
        bucket=SimpleNamespace(name="bucket", read_json=lambda uri: None),
        sagemaker=SimpleNamespace(describe=describe),
        topic=SimpleNamespace(publish=told.append),
        dead_letters=SimpleNamespace(put_aside=lambda *letter: refused.append(letter)),
        now=lambda: NOW,
    )


def described(arn: str) -> Execution:
    if arn.endswith("bug"):
        raise KeyError("a bug")
    return Execution(arn, "Stopped", "upload-1", NOW, "upload of 1 file: a.csv")


def test_notify_begins_no_message_that_it_has_no_time_for(
    notify: ModuleType, ledger: Ledger
) -> None:
    late = SimpleNamespace(**{**vars(CONTEXT), "get_remaining_time_in_millis": lambda: 29_999})
    notify.runtime = lambda: handed_in(ledger, [], [], described)  # type: ignore[attr-defined]

    answer = notify.handler({"Records": [record("1", RUN)]}, late)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_notify_refuses_what_it_can_never_handle_with_one_mail(
    notify: ModuleType, ledger: Ledger, project: Project
) -> None:
    ledger.put_project(project)
    told: list[Any] = []
    refused: list[Any] = []
    notify.runtime = lambda: handed_in(ledger, told, refused, described)  # type: ignore[attr-defined]
    poison = {"messageId": "poison", "body": '{"source": "aws.sagemaker"}'}

    for _ in range(2):
        answer = notify.handler({"Records": [poison, record("good", RUN)]}, CONTEXT)
        assert answer == {"batchItemFailures": []}

    assert [message.kind for message in told] == ["event-refused", "run-stopped"]
    assert refused == 2 * [(poison["body"], "event.detail-type should be a string, but is missing")]
    assert refused[0][1] in told[0].text


def test_an_unexpected_exception_fails_only_its_record(
    notify: ModuleType, ledger: Ledger, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.put_project(project)
    told: list[Any] = []
    notify.runtime = lambda: handed_in(ledger, told, [], described)  # type: ignore[attr-defined]
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
