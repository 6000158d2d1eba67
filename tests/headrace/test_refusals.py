"""Events that can never be decided become dead letters at once, and people are notified."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from headrace.adapters.eventbridge import own
from headrace.adapters.messaging import Queue
from headrace.domain.errors import PermanentError, RetryableError
from headrace.use_cases.decide import Inbox

from tests.headrace.handed_in import StateMachine
from tests.headrace.samples import NOW, TRAINING

Upload = Callable[..., dict[str, Any]]
RAW = "abalone/training/data/raw/"


class Letters:
    """SQS's client of a dead-letter queue, which keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.broken = False

    def send_message(self, **letter: Any) -> None:
        if self.broken:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")
        self.sent.append(letter)


def test_what_can_never_be_decided_becomes_a_dead_letter_at_once_with_one_mail(
    inbox: Inbox, upload: Upload, states: StateMachine
) -> None:
    letters = Letters()
    refuse = partial(inbox.refuse, Queue(letters, "dead"))
    requested = own("Run Requested", {"pipeline": "pearls", "id": "1", "cause": "x"}, NOW)
    poison = [
        {"messageId": "bad", "body": "{"},
        {"messageId": "foreign", "body": json.dumps(requested)},
    ]
    for _ in range(2):
        assert inbox.handle([*poison, upload(RAW + "a.csv")], refuse=refuse) == []

    reasons = [
        letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] for letter in letters.sent
    ]
    assert [letter["MessageBody"] for letter in letters.sent] == 2 * [m["body"] for m in poison]
    assert reasons[1].startswith("no project has a pipeline named pearls")
    mails = [action for action in states.started.values() if action["action"] == "tell"]
    assert [mail["kind"] for mail in mails] == ["event-refused", "event-refused"]
    assert [reason in mail["text"] for reason, mail in zip(reasons, mails, strict=False)] == [
        True
    ] * 2
    assert len(states.started) == 3  # with the drop of the upload
    assert inbox.ledger.outbox() == []


def test_a_message_stays_in_the_inbox_until_the_dead_letter_queue_has_it(
    inbox: Inbox, states: StateMachine
) -> None:
    letters, states.broken = Letters(), True
    refuse = partial(inbox.refuse, Queue(letters, "dead"))
    letters.broken = True
    assert inbox.handle([{"messageId": "bad", "body": "{"}], refuse=refuse) == ["bad"]
    letters.broken = False
    assert inbox.handle([{"messageId": "bad", "body": "{"}], refuse=refuse) == []
    assert len(letters.sent) == 1
    assert len(inbox.ledger.outbox()) == 1  # the mail, for reconcile to hand over


def test_uploads_that_a_retry_may_decide_are_not_refused(inbox: Inbox, upload: Upload) -> None:
    def never(record: Any, error: Exception) -> None:
        raise AssertionError(f"{error} is refused")

    def broken(*_: Any) -> None:
        raise RetryableError("DynamoDB throttles")

    inbox.ledger.commit = broken  # type: ignore[method-assign, assignment]
    keys = [f"{RAW}{name}.csv" for name in "ab"]
    failed = inbox.handle([upload(key) for key in keys], refuse=never)
    assert failed == [f"{key}@v1" for key in keys]


def test_one_upload_that_can_never_be_decided_is_refused_alone(
    inbox: Inbox, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Inbox._files

    def broken(self: Inbox, project: Any, watched: Any, items: list[Any]) -> None:
        if any(item.key.endswith("b.csv") for item in items):
            raise PermanentError("its item is too large")
        files(self, project, watched, items)

    monkeypatch.setattr(Inbox, "_files", broken)
    letters = Letters()
    refuse = partial(inbox.refuse, Queue(letters, "dead"))
    assert inbox.handle([upload(f"{RAW}{name}.csv") for name in "abc"], refuse=refuse) == []
    (letter,) = letters.sent
    assert "b.csv" in letter["MessageBody"]
    request = inbox.ledger.lane(TRAINING).waiting
    assert request is not None
    assert request.objects == 2
