"""People are notified of the end of GitLab's API token, weeks ahead and once a notice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from headrace.adapters import gitlab_ci
from headrace.adapters.eventbridge import parse
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import PermanentError
from headrace.domain.events import key_of_notification
from headrace.rules.token_expiry import notice_within
from headrace.use_cases.gitlab_token import look_at_token
from headrace.use_cases.notify import messages_for

from local_cloud.gitlab.gitlab import GitLab, start_gitlab
from tests.headrace import handed_in

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:GitLabSecret-1a2b3c"
TODAY = datetime.now(UTC)


def on(days: int) -> str:
    return (TODAY + timedelta(days=days)).date().isoformat()


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLab]:
    root = tmp_path_factory.mktemp("project")
    (root / ".gitlab-ci.yml").write_text("job: {script: [echo done]}\n")
    hosted = start_gitlab(root, tmp_path_factory.mktemp("gitlab"), {})
    yield hosted
    hosted.stop()


class Watch:
    """Hourly looks at the token; what each notified people of is kept."""

    def __init__(self, hosted: GitLab, ledger: Ledger) -> None:
        tokens = hosted.trigger_token, hosted.api_token
        settings = gitlab_ci.Settings(hosted.url, hosted.project_path, "main", *tokens, SECRET)
        self.gitlab, self.ledger = gitlab_ci.GitLab(settings), ledger
        self.warnings: list[str] = []

    def look(self, at: datetime = TODAY) -> list[str]:
        """Return the subjects of the messages that one look brings about."""
        queued: list[Any] = []
        queue: Any = SimpleNamespace(send=queued.append)
        now = at.timestamp()
        look_at_token(lambda: self.gitlab, self.ledger, queue, now, self.warnings.append)
        subjects = []
        for envelope in queued:
            found = messages_for(self.ledger, handed_in.bucket(), SageMaker(None), parse(envelope))
            for key, message in found:  # as functions/notify does
                once = key_of_notification(key)
                if self.ledger.claim_notification(once, now, "message"):
                    self.ledger.mark_notified(once, now)
                    subjects.append(message.subject)
        return subjects


@pytest.fixture
def watch(hosted: GitLab, ledger: Ledger) -> Iterator[Watch]:
    yield Watch(hosted, ledger)
    hosted.expire_token(None)
    hosted.down(False)


def test_each_notice_is_sent_once(hosted: GitLab, watch: Watch) -> None:
    hosted.expire_token(on(40))
    noticed = {}
    for days_left in range(40, 0, -1):
        day = TODAY + timedelta(days=40 - days_left)
        if subjects := [*watch.look(day), *watch.look(day)]:
            noticed[days_left] = subjects
    assert noticed == {
        days: [
            f"headrace: GitLab's API token expires on {on(40)}, within {days} day"
            + "s" * (days > 1)
        ]
        for days in (30, 14, 7, 3, 1)
    }


def test_a_token_that_gitlab_refuses_is_told_once(hosted: GitLab, watch: Watch) -> None:
    hosted.expire_token(on(0))
    assert watch.look() == ["headrace: GitLab's API token is refused"]
    assert watch.look() == []


def test_a_token_without_an_end_is_never_mentioned(watch: Watch) -> None:
    assert watch.look() == []
    assert notice_within(None, TODAY.timestamp()) is None


def test_a_gitlab_that_is_down_is_asked_again_later(hosted: GitLab, watch: Watch) -> None:
    hosted.expire_token(on(2))
    hosted.down(True)
    assert watch.look() == []
    assert "could not be checked" in watch.warnings[0]
    hosted.down(False)
    assert len(watch.look()) == 1


def test_an_account_without_tokens_only_warns(watch: Watch) -> None:
    def no_secret() -> gitlab_ci.GitLab:
        raise PermanentError("reading the secret: ResourceNotFoundException")

    queue: Any = SimpleNamespace(send=pytest.fail)
    assert not look_at_token(no_secret, watch.ledger, queue, 0.0, watch.warnings.append)
    assert len(watch.warnings) == 1
