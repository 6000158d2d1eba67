"""GitLab's answers and errors, as python-gitlab and a plain HTTP client see them."""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import gitlab as python_gitlab
import pytest
import requests
from gitlab.exceptions import (
    GitlabAuthenticationError,
    GitlabCreateError,
    GitlabGetError,
    GitlabJobPlayError,
)

from local_cloud.gitlab.gitlab import GitLab, start_gitlab
from tests.gitlab.hosted_project import client, finished

REFRESH = {"ACTION": "refresh"}


def refusal(error: pytest.ExceptionInfo[python_gitlab.GitlabError]) -> tuple[int | None, object]:
    return error.value.response_code, error.value.error_message


def test_an_unknown_ref_is_refused(project: Any, hosted: GitLab) -> None:
    with pytest.raises(GitlabCreateError) as error:
        project.trigger_pipeline("no-such-branch", hosted.trigger_token, REFRESH)
    assert refusal(error) == (400, {"base": ["Reference not found"]})
    with pytest.raises(GitlabCreateError) as error:
        project.pipelines.create({"ref": "no-such-branch"})
    assert refusal(error) == (400, {"base": ["Reference not found"]})


def test_a_pipeline_that_workflow_rules_filter_out_is_refused(project: Any, hosted: GitLab) -> None:
    with pytest.raises(GitlabCreateError) as error:
        project.trigger_pipeline("main", hosted.trigger_token, {"ACTION": "never"})
    assert refusal(error) == (400, {"base": ["Pipeline filtered out by workflow rules."]})
    assert project.pipelines.list() == []


def test_a_pipeline_without_a_job_is_refused(project: Any, hosted: GitLab) -> None:
    with pytest.raises(GitlabCreateError, match="prevented any jobs"):
        project.trigger_pipeline("main", hosted.trigger_token, {"ACTION": "unheard of"})


def test_an_invalid_configuration_fails_a_triggered_pipeline_and_refuses_another(
    project: Any, hosted: GitLab, project_dir: Any
) -> None:
    (project_dir / ".gitlab-ci.yml").write_text("job: {script: [true], stage: nowhere}\n")
    hosted.push()
    pipeline = project.trigger_pipeline("main", hosted.trigger_token, {})
    assert pipeline.status == "failed"
    assert "nowhere" in pipeline.yaml_errors
    with pytest.raises(GitlabCreateError, match="nowhere"):
        project.pipelines.create({"ref": "main"})


def test_a_variable_that_is_no_string_is_refused(project: Any, hosted: GitLab) -> None:
    with pytest.raises(GitlabCreateError) as error:
        project.trigger_pipeline("main", hosted.trigger_token, {"NUMBER": 1})
    assert refusal(error) == (400, "variables needs to be a map of key-valued strings")


def test_a_missing_trigger_token_is_named(project: Any) -> None:
    with pytest.raises(GitlabCreateError) as error:
        project.trigger_pipeline("main", "", {})
    assert refusal(error) == (400, "token is missing")


def test_a_trigger_token_of_another_project_finds_nothing(project: Any, hosted: GitLab) -> None:
    with pytest.raises(GitlabCreateError) as error:
        project.trigger_pipeline("main", "glptt-of-another-project", REFRESH)
    assert refusal(error) == (404, "404 Not Found")
    with client(hosted) as api, pytest.raises(GitlabCreateError) as error:
        api.projects.get(77, lazy=True).trigger_pipeline("main", hosted.trigger_token, REFRESH)
    assert refusal(error) == (404, "404 Not Found")


def test_a_trigger_needs_no_api_token(hosted: GitLab) -> None:
    with client(hosted, private_token=None) as api:
        project = api.projects.get(hosted.project_path, lazy=True)
        pipeline = project.trigger_pipeline("main", hosted.trigger_token, REFRESH)
    assert pipeline.id == 1


def test_a_bad_api_token_is_refused_everywhere(hosted: GitLab) -> None:
    with client(hosted, private_token="glpat-wrong") as api:
        project = api.projects.get(hosted.project_id, lazy=True)
        for call in (
            api.auth,
            lambda: api.projects.get(hosted.project_id),
            project.pipelines.list,
            lambda: project.pipelines.create({"ref": "main"}),
            lambda: project.jobs.get(1),
        ):
            with pytest.raises(GitlabAuthenticationError) as error:
                call()
            assert refusal(error) == (401, "401 Unauthorized")


def test_a_token_says_when_it_expires_until_it_has(project: Any, hosted: GitLab) -> None:
    today = datetime.now(UTC).date()
    tomorrow = (today + timedelta(days=1)).isoformat()
    with client(hosted) as api:
        assert api.personal_access_tokens.get("self").expires_at is None
        hosted.expire_token(tomorrow)
        token = api.personal_access_tokens.get("self")
        assert (token.expires_at, token.active, token.revoked) == (tomorrow, True, False)
        hosted.expire_token(today.isoformat())
        with pytest.raises(GitlabAuthenticationError) as error:
            api.personal_access_tokens.get("self")
    assert error.value.response_code == 401
    assert "Token is expired" in str(error.value.response_body)


def test_a_trigger_token_reads_nothing(hosted: GitLab) -> None:
    api = client(hosted, private_token=hosted.trigger_token)
    with api, pytest.raises(GitlabAuthenticationError):
        api.projects.get(hosted.project_id)


def test_unknown_projects_pipelines_and_jobs_are_not_found(project: Any, hosted: GitLab) -> None:
    with client(hosted) as api:
        for call in (
            lambda: api.projects.get("another/project"),
            lambda: project.pipelines.get(99),
            lambda: project.jobs.get(99),
        ):
            with pytest.raises(GitlabGetError) as error:
                call()
            assert error.value.response_code == 404


def test_a_job_that_is_no_manual_one_cannot_be_played(project: Any, run: Any) -> None:
    (job,) = run(**REFRESH).jobs.list()
    with pytest.raises(GitlabJobPlayError) as error:
        project.jobs.get(job.id).play()
    assert refusal(error) == (400, "400 Bad request - Unplayable Job")


def test_a_throttled_call_says_when_to_come_back(project: Any, hosted: GitLab) -> None:
    hosted.throttle(2, retry_after=7)
    plain = requests.get(f"{hosted.url}/api/v4/user", timeout=5)
    assert (plain.status_code, plain.text) == (429, "Retry later\n")
    assert plain.headers["Content-Type"] == "text/plain"
    assert plain.headers["Retry-After"] == "7"
    assert plain.headers["RateLimit-Remaining"] == "0"
    with pytest.raises(GitlabGetError) as error:
        project.pipelines.get(1, obey_rate_limit=False)
    assert error.value.response_code == 429
    assert project.pipelines.list() == []


def test_a_gitlab_that_is_down_says_so_or_refuses_connections(project: Any, hosted: GitLab) -> None:
    hosted.down(True)
    with pytest.raises(GitlabGetError) as error:
        project.pipelines.get(1)
    assert error.value.response_code == 503
    hosted.down(True, refuse=True)
    with pytest.raises(requests.ConnectionError):
        project.pipelines.get(1)
    hosted.down(False)
    assert project.pipelines.list() == []


def test_a_slow_answer_runs_into_the_callers_timeout(hosted: GitLab) -> None:
    hosted.delay(1)
    with client(hosted, timeout=(1, 0.2)) as api, pytest.raises(requests.ReadTimeout):
        api.auth()


def test_too_many_pipelines_in_a_minute_are_refused(project: Any, hosted: GitLab) -> None:
    hosted.limit(1)
    project.trigger_pipeline("main", hosted.trigger_token, REFRESH)
    with pytest.raises(GitlabCreateError, match="Too many pipelines created in the last minute"):
        project.trigger_pipeline("main", hosted.trigger_token, REFRESH)


def test_where_nobody_may_set_variables_a_trigger_is_refused(project: Any, hosted: GitLab) -> None:
    hosted.allow_variables(False)
    with pytest.raises(GitlabCreateError, match="Insufficient permissions to set pipeline"):
        project.trigger_pipeline("main", hosted.trigger_token, {})


def test_pipelines_are_filtered_sorted_and_paged(project: Any, run: Any, hosted: GitLab) -> None:
    for number in range(3):
        run(**REFRESH, ARN=str(number))
    made = finished(
        project.pipelines.create(
            {"ref": "main", "variables": [{"key": "ACTION", "value": "broken"}]}
        )
    )
    names = [pipeline.name for pipeline in project.pipelines.list(per_page=2, iterator=True)]
    assert names == [None, "refresh 2", "refresh 1", "refresh 0"]
    rising = project.pipelines.list(order_by="id", sort="asc", get_all=True)
    assert [pipeline.id for pipeline in rising] == [1, 2, 3, 4]
    assert [it.id for it in project.pipelines.list(source="api", get_all=True)] == [made.id]
    assert [it.id for it in project.pipelines.list(status="failed", get_all=True)] == [made.id]
    assert project.pipelines.list(ref="other", get_all=True) == []
    page = requests.get(
        f"{hosted.url}/api/v4/projects/headrace%2Fheadrace/pipelines?per_page=3&page=2",
        headers={"PRIVATE-TOKEN": hosted.api_token},
        timeout=5,
    )
    assert len(page.json()) == 1
    assert (page.headers["X-Total"], page.headers["X-Next-Page"]) == ("4", "")


def test_a_pipeline_shows_the_variables_it_was_given(project: Any, run: Any) -> None:
    pipeline = run(ACTION="refresh", ARN="arn")
    shown = {variable.key: variable.value for variable in pipeline.variables.list(get_all=True)}
    assert shown == {"ACTION": "refresh", "ARN": "arn"}


def test_tokens_reach_neither_errors_nor_logs_nor_repr(
    project: Any, hosted: GitLab, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(GitlabCreateError) as error:
        project.trigger_pipeline("nowhere", hosted.trigger_token, {})
    said = f"{error.value!r} {vars(hosted)} {caplog.text} {capfd.readouterr()}"
    assert hosted.trigger_token not in said
    assert hosted.api_token not in said


def test_the_admin_route_exists_only_when_asked_for(
    project_dir: Any, tmp_path: Any, hosted: GitLab
) -> None:
    def switch(gitlab: GitLab, token: str, **faults: Any) -> int:
        headers = {"PRIVATE-TOKEN": token}
        url = f"{gitlab.url}/-/faults"
        return requests.post(url, json=faults, headers=headers, timeout=5).status_code

    assert switch(hosted, hosted.api_token, down=True) == 404
    administered = start_gitlab(project_dir, tmp_path / "another", {}, admin=True)
    try:
        assert switch(administered, "wrong", down=True) == 401
        assert switch(administered, administered.api_token, down=True) == 200
        assert requests.get(administered.url, timeout=5).status_code == 503
        assert switch(administered, administered.api_token, down=False) == 200
        assert requests.get(administered.url, timeout=5).status_code == 404
    finally:
        administered.stop()


@pytest.mark.cloud
def test_starting_takes_no_time_worth_mentioning(project_dir: Any, tmp_path: Any) -> None:
    begun = time.monotonic()
    start_gitlab(project_dir, tmp_path / "fresh", {}).stop()
    assert time.monotonic() - begun < 3
