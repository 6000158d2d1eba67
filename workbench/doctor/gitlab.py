"""Whether Headrace can use GitLab: the secret, its tokens, the project and its settings.

No finding holds a token, nor anything else that the secret holds.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from headrace.adapters import gitlab_ci
from headrace.domain.errors import HeadraceError, PermanentError

from workbench.doctor.findings import Finding, Severity
from workbench.doctor.target import Target

_SOON = timedelta(days=30)
_READS = {"api", "read_api"}
_ROLE = "ci_pipeline_variables_minimum_override_role"
# A branch of no project. GitLab looks at the token and at who may set variables before it looks
# for the branch, so that asking for it starts nothing.
_NO_BRANCH = "headrace-doctor/no-such-branch"
_NO_RETRIES = {"obey_rate_limit": False, "max_retries": 0}
_TOKENS = '{"trigger_token": "...", "api_token": "..."}'


class _Refused(Exception):
    """GitLab's answer is an error: its status and its text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"GitLab said {status} {text}")
        self.status, self.text = status, text


def secret(target: Target) -> Iterator[Finding]:
    """Check that the secret holds both tokens."""
    try:
        _settings(target)
    except PermanentError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError):
            if cause.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            yield Finding("GitLab secret", "error", "the secret has no value yet", _put(target))
        else:
            seen = str(error).partition(";")[0]
            yield Finding("GitLab secret", "error", seen, _put(target))
        return
    yield Finding("GitLab secret", "ok", "it holds trigger_token and api_token")


def api_token(target: Target) -> Iterator[Finding]:
    """Check the API token's expiry and scopes."""
    settings = _settings(target)
    page = f"{settings.url}/{settings.project_path}/-/settings/access_tokens"
    try:
        answer = _ask(settings, "/personal_access_tokens/self")
    except _Refused as refused:
        if refused.status != 401:
            raise
        seen = f"GitLab refuses the API token: revoked, expired or wrong; make another at {page}"
        yield Finding("GitLab API token", "error", seen, _put(target))
        return
    if not _READS.intersection(answer.get("scopes", ())):
        seen = f"the API token lacks the scope read_api; make another at {page}"
        yield Finding("GitLab API token", "error", seen, _put(target))
    expires = answer.get("expires_at")
    if not expires:
        yield Finding("GitLab API token", "ok", "the API token does not expire")
        return
    left = date.fromisoformat(expires[:10]) - datetime.now(UTC).date()
    seen = f"the API token expires on {expires[:10]}, in {left.days} days"
    if left > _SOON:
        yield Finding("GitLab API token", "ok", seen)
    else:
        yield Finding(
            "GitLab API token", "warning", f"{seen}; make another at {page}", _put(target)
        )


def project(target: Target) -> Iterator[Finding]:
    """Check that the project exists, and which role may set pipeline variables."""
    settings = _settings(target)
    try:
        answer = _ask(settings, _project(settings))
    except _Refused as refused:
        if refused.status != 404:
            raise
        seen = f"{settings.project_path} is not at {settings.url}, or the API token may not see it"
        yield Finding(
            "GitLab project", "error", f"{seen}; is GitLabProjectPath right?", target.sam()
        )
        return
    yield Finding("GitLab project", "ok", f"{settings.project_path} at {settings.url} is reached")
    role = answer.get(_ROLE)
    if role is None:  # GitLab shows it to maintainers
        seen = f"the API token may not see {_ROLE}; the trigger token is asked instead, below"
        yield Finding("GitLab variables", "unknown", seen)
    elif role in ("developer", "maintainer"):
        seen = f"pipeline variables may be set by the role {role} and above"
        yield Finding("GitLab variables", "ok", seen)
    else:
        seen = f"{_ROLE} is {role}, so that a trigger may be refused"
        severity: Severity = "error" if role == "no_one_allowed" else "warning"
        yield Finding("GitLab variables", severity, seen, _allow(settings))


def trigger_token(target: Target) -> Iterator[Finding]:
    """Trigger a branch that does not exist: GitLab's refusal tells whether the token is valid."""
    settings = _settings(target)
    body = {"ref": _NO_BRANCH, "token": settings.trigger_token}
    try:
        _ask(settings, f"{_project(settings)}/trigger/pipeline", body)
    except _Refused as refused:
        yield _judged(target, settings, refused)
        return
    seen = f"GitLab made a CI pipeline of {_NO_BRANCH}, which should not be there"
    yield Finding("GitLab trigger token", "warning", seen)


def _judged(target: Target, settings: gitlab_ci.Settings, refused: _Refused) -> Finding:
    if refused.status == 404:
        page = f"{settings.url}/{settings.project_path}/-/settings/ci_cd"
        seen = f"{settings.project_path} does not know the trigger token; make one at {page}"
        return Finding("GitLab trigger token", "error", seen, _put(target))
    if "permissions to set pipeline variables" in refused.text:
        seen = f"the trigger token's owner may not set pipeline variables ({_ROLE})"
        return Finding("GitLab trigger token", "error", seen, _allow(settings))
    if "Reference not found" in refused.text:
        seen = f"{settings.project_path} accepts the trigger token, with variables"
        return Finding("GitLab trigger token", "ok", seen)
    return Finding("GitLab trigger token", "unknown", f"could not tell: {refused}")


def _settings(target: Target) -> gitlab_ci.Settings:
    given = target.stack.parameters
    return gitlab_ci.settings(
        target.client("secretsmanager"),
        given["GitLabUrl"],
        given["GitLabProjectPath"],
        given["GitLabRef"],
        target.stack.output("GitLabSecretArn"),
    )


def _project(settings: gitlab_ci.Settings) -> str:
    return f"/projects/{quote(settings.project_path, safe='')}"


def _ask(
    settings: gitlab_ci.Settings, path: str, body: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return GitLab's answer; raises _Refused for an error, and HeadraceError for no answer."""
    import gitlab
    import requests

    api = gitlab_ci.connection(settings, private_token=body is None)
    try:
        if body is None:
            answer = api.http_get(path, **_NO_RETRIES)
        else:
            answer = api.http_post(path, post_data=body, **_NO_RETRIES)
    except gitlab.GitlabError as error:
        # `from None`: an error of python-gitlab's holds the request, with the token in it.
        raise _Refused(int(error.response_code or 0), str(error.error_message)[:300]) from None
    except requests.RequestException as error:
        kind = type(error).__name__
        raise HeadraceError(f"{settings.url} did not answer ({kind}); is it reachable?") from None
    if not isinstance(answer, dict):
        raise HeadraceError(f"{settings.url} did not answer as GitLab does")
    return answer


def _put(target: Target) -> str:
    to = ("--secret-id", target.stack.output("GitLabSecretArn"), "--secret-string", _TOKENS)
    return target.aws("secretsmanager", "put-secret-value", *to)


def _allow(settings: gitlab_ci.Settings) -> str:
    """Return the command that a maintainer or owner of the project gives."""
    return (
        'curl --request PUT --header "PRIVATE-TOKEN: $GITLAB_TOKEN" '
        f"--data {_ROLE}=maintainer {settings.url}/api/v4{_project(settings)}"
    )
