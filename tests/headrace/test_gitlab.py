"""What GitLab's trouble means to a refresh: patience, never a sleep inside a function."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from headrace.adapters import gitlab_ci
from headrace.domain.errors import PermanentError, RetryableError

from local_cloud.gitlab import statuses
from local_cloud.gitlab.gitlab import GitLab, start_gitlab

CALLS: dict[str, Callable[[gitlab_ci.GitLab], Any]] = {
    "trigger": lambda to: to.trigger({}),
    "find": lambda to: to.find("refresh"),
    "status": lambda to: to.status(1),
    "jobs": lambda to: to.jobs(1),
}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLab]:
    root = tmp_path_factory.mktemp("project")
    (root / ".gitlab-ci.yml").write_text("job: {script: [echo done]}\n")
    hosted = start_gitlab(root, tmp_path_factory.mktemp("gitlab"), {})
    yield hosted
    hosted.stop()


@pytest.fixture
def to(hosted: GitLab) -> gitlab_ci.GitLab:
    tokens = hosted.trigger_token, hosted.api_token
    return gitlab_ci.GitLab(gitlab_ci.Settings(hosted.url, hosted.project_path, "main", *tokens))


def test_where_variables_may_not_be_set_people_are_told_which_setting_to_change(
    hosted: GitLab, to: gitlab_ci.GitLab
) -> None:
    hosted.allow_variables(False)
    for variables in ({}, {"HEADRACE_ACTION": "refresh"}):
        with pytest.raises(PermanentError) as error:
            to.trigger(variables)
        assert "ci_pipeline_variables_minimum_override_role" in str(error.value)
        assert "Settings > CI/CD > Variables" in str(error.value)
    hosted.allow_variables(True)
    assert to.trigger({}).is_running


def test_a_ci_pipeline_that_is_being_canceled_has_not_ended() -> None:
    ended = {"success", "failed", "canceled", "skipped", "manual"}
    for status in statuses.ALL:
        assert gitlab_ci.CiPipeline(1, status, "").is_running == (status not in ended), status


@pytest.mark.parametrize("call", CALLS)
def test_a_limit_of_an_hour_is_waited_for_by_the_state_machine(
    hosted: GitLab, to: gitlab_ci.GitLab, call: str
) -> None:
    hosted.throttle(1, retry_after=3600)
    began = time.monotonic()
    with pytest.raises(RetryableError, match="GitLab said 429"):
        CALLS[call](to)
    assert time.monotonic() - began < 5
