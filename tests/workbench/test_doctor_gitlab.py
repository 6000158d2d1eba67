"""What `headrace doctor` says of GitLab, over HTTP; no finding ever holds a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.workbench.doctor_account import OUTPUTS, PARAMETERS, REGION, SECRET, Error, stack, target
from tests.workbench.doctor_account import gitlab as hosted
from workbench.doctor import gitlab
from workbench.doctor.findings import Finding, run
from workbench.doctor.target import Target

TOKENS = {"trigger_token": "glptt-secret", "api_token": "glpat-secret"}
PROJECT = "/projects/group%2Fproject"
ROLE = "ci_pipeline_variables_minimum_override_role"
NO_REF = {"message": {"base": ["Reference not found"]}}
NO_VARIABLES = {"message": {"base": ["Insufficient permissions to set pipeline variables"]}}
PUT = (
    f"aws secretsmanager put-secret-value --secret-id {SECRET} --secret-string "
    """'{"trigger_token": "...", "api_token": "..."}' """
    f"--region {REGION}"
)


def at(url: str, secret: Any = TOKENS) -> Target:
    held = secret if isinstance(secret, Error) else {"SecretString": json.dumps(secret)}
    return target(
        **stack(OUTPUTS, {**PARAMETERS, "GitLabUrl": url}),
        GetSecretValue=held,
    )


def look(check: Any, **answers: tuple[int, Any]) -> list[Finding]:
    """What a check finds; `self`, `project` and `trigger` are GitLab's routes."""
    routes = {
        "self": "/personal_access_tokens/self",
        "project": PROJECT,
        "trigger": f"{PROJECT}/trigger/pipeline",
    }
    with hosted({routes[name]: answer for name, answer in answers.items()}) as (url, _):
        found = run([("GitLab", lambda: check(at(url)))])
    assert "secret" not in " ".join(one.seen for one in found)
    return found


def severities(found: list[Finding]) -> list[str]:
    return [one.severity for one in found]


@pytest.fixture
def days() -> Iterator[Any]:
    yield lambda number: str(datetime.now(UTC).date() + timedelta(days=number))


def test_a_secret_that_lacks_tokens_is_an_error_with_the_command_that_puts_them() -> None:
    url = "https://gitlab.example.com"
    assert severities(list(gitlab.secret(at(url)))) == ["ok"]
    for broken in ({"trigger_token": "glptt-secret"}, Error("ResourceNotFoundException")):
        (found,) = gitlab.secret(at(url, broken))
        assert (found.severity, found.command) == ("error", PUT)
        assert "glptt" not in found.seen


def test_a_secret_that_may_not_be_read_is_unknown() -> None:
    here = at("https://gitlab.example.com", Error("AccessDeniedException"))
    (found,) = run([("GitLab secret", lambda: gitlab.secret(here))])
    assert (found.severity, found.seen[:23]) == ("unknown", "no permission to look: ")


def test_the_api_token_is_asked_until_when_it_is_valid(days: Any) -> None:
    def token(expires: str | None, *scopes: str) -> list[Finding]:
        answer = {"expires_at": expires, "scopes": list(scopes)}
        return look(gitlab.api_token, self=(200, answer))

    assert severities(token(days(200), "read_api")) == ["ok"]
    assert severities(token(None, "api")) == ["ok"]
    soon = token(days(12), "api")
    assert severities(soon) == ["warning"]
    assert "in 12 days; make another at http" in soon[0].seen
    assert "--secret-string" in soon[0].command
    assert severities(token(days(200), "read_registry")) == ["error", "ok"]


def test_an_api_token_that_gitlab_refuses_is_an_error() -> None:
    (found,) = look(gitlab.api_token, self=(401, {"message": "401 Unauthorized"}))
    assert (found.severity, found.command) == ("error", PUT)


def test_a_gitlab_that_does_not_answer_is_unknown() -> None:
    found = run([("GitLab", lambda: gitlab.api_token(at("http://127.0.0.1:9")))])
    assert severities(found) == ["unknown"]
    assert "did not answer (ConnectionError)" in found[0].seen
    assert severities(look(gitlab.api_token, self=(503, {}))) == ["unknown"]


@pytest.mark.parametrize(
    ("role", "severity"),
    [
        ("developer", "ok"),
        ("maintainer", "ok"),
        ("owner", "warning"),
        ("no_one_allowed", "error"),
        (None, "unknown"),
    ],
)
def test_who_may_set_pipeline_variables_is_looked_up(role: str | None, severity: str) -> None:
    answer = {"id": 7, **({ROLE: role} if role else {})}
    found = look(gitlab.project, project=(200, answer))
    assert severities(found) == ["ok", severity]
    allow = severity in ("warning", "error")
    assert (f"--data {ROLE}=maintainer http" in found[1].command) == allow


def test_a_project_that_is_not_there_is_an_error() -> None:
    (found,) = look(gitlab.project)
    assert (found.severity, "group/project is not at" in found.seen) == ("error", True)


@pytest.mark.parametrize(
    ("answer", "severity", "command"),
    [
        ((400, NO_REF), "ok", ""),
        ((404, {"message": "404 Not Found"}), "error", "aws secretsmanager put-secret-value"),
        ((400, NO_VARIABLES), "error", "curl --request PUT"),
        ((400, {"message": "something new"}), "unknown", ""),
        ((201, {"id": 1}), "warning", ""),
    ],
)
def test_the_trigger_token_is_judged_by_how_gitlab_refuses(
    answer: tuple[int, Any], severity: str, command: str
) -> None:
    (found,) = look(gitlab.trigger_token, trigger=answer)
    assert found.severity == severity
    assert found.command.startswith(command)


def test_the_trigger_is_asked_for_a_branch_that_starts_nothing() -> None:
    with hosted({f"{PROJECT}/trigger/pipeline": (400, NO_REF)}) as (url, asked):
        list(gitlab.trigger_token(at(url)))
    (request,) = asked
    assert "no-such-branch" in request
    assert TOKENS["api_token"] not in request
