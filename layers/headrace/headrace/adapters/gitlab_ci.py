"""The part of GitLab that a refresh needs: find, trigger and watch a CI pipeline.

GitLab has no idempotency key, so a refresh is looked for by the name that the project's
`.gitlab-ci.yml` gives it (`workflow: name`) before one is triggered. The state machine waits and
retries, so nothing here does. Tokens stay in `Settings` and in the request: errors contain neither
the tokens nor the request.
"""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import from_aws
from headrace.domain.errors import HeadraceError, PermanentError, RetryableError
from headrace.domain.events import digest

_TIMEOUT = (3.0, 10.0)  # seconds to connect, and between two bytes of an answer
# A rate limit may last an hour: the state machine waits, not a billed function.
_DO_NOT_WAIT = {"obey_rate_limit": False}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# Even a trigger without variables of its own is refused then: GitLab adds one with its payload.
_NO_VARIABLES = (
    "the project does not let the owner of the trigger token set pipeline variables; under "
    "Settings > CI/CD > Variables > Minimum role to use pipeline variables choose a role that the "
    "owner has (ci_pipeline_variables_minimum_override_role of GitLab's projects API)"
)
_RUNNING = frozenset(
    {
        "created",
        "waiting_for_resource",
        "preparing",
        "waiting_for_callback",
        "pending",
        "running",
        "canceling",
        "scheduled",
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the CI project is, and the two tokens: one triggers, the other reads (`read_api`)."""

    url: str
    project_path: str
    ref: str
    trigger_token: str = field(repr=False)
    api_token: str = field(repr=False)
    secret_arn: str = ""


@dataclass(frozen=True, slots=True)
class CiPipeline:
    """A CI pipeline: its number, GitLab's status and the page that shows it."""

    id: int
    status: str
    web_url: str

    @property
    def is_running(self) -> bool:
        """Whether it has not finished yet."""
        return self.status in _RUNNING


@dataclass(frozen=True, slots=True)
class ApiToken:
    """The API token: what identifies it, the date it expires, and the secret that holds it.

    `expires` is None for a token without an end and empty for one that GitLab refuses.
    """

    id: str
    expires: str | None
    secret_arn: str


@dataclass(frozen=True, slots=True)
class CiJob:
    """A job of a CI pipeline: its name, GitLab's status and the page that shows it."""

    name: str
    status: str
    web_url: str


def settings(
    client: Annotated[Any, "secretsmanager"], url: str, project_path: str, ref: str, secret_arn: str
) -> Settings:
    """Return the settings; reads the tokens from Secrets Manager each time so that they can rotate.

    Raises PermanentError for a secret that lacks a token and for a URL that would send the tokens
    unencrypted over a network.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise PermanentError(f"the GitLab URL should begin with https://, but is {url!r}")
    try:
        text = client.get_secret_value(SecretId=secret_arn)["SecretString"]
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, "reading the secret with the GitLab tokens") from error
    try:
        secret = json.loads(text)
        trigger_token, api_token = secret["trigger_token"], secret["api_token"]
    except (ValueError, KeyError, TypeError):
        # `from None`: the cause would contain the secret's text.
        raise PermanentError(
            'the secret with the GitLab tokens should be {"trigger_token": ..., "api_token": ...}; '
            f"put it with `aws secretsmanager put-secret-value --secret-id {secret_arn} ...`"
        ) from None
    return Settings(url, project_path, ref, trigger_token, api_token, secret_arn)


class GitLab:
    """The CI project of the settings. Methods raise RetryableError or PermanentError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def trigger(self, variables: dict[str, str]) -> CiPipeline:
        """Start a CI pipeline with these variables."""
        project = self._project(private_token=False)
        ref, token = self._settings.ref, self._settings.trigger_token
        return _pipeline(
            _answer(
                lambda: project.trigger_pipeline(ref, token, variables, **_DO_NOT_WAIT),
                "starting a CI pipeline",
            )
        )

    def find(self, name: str) -> CiPipeline | None:
        """Return the newest CI pipeline of that name, if there is one."""
        project = self._project()
        found = _answer(
            lambda: project.pipelines.list(
                name=name,
                order_by="id",
                sort="desc",
                per_page=1,
                page=1,
                get_all=False,
                **_DO_NOT_WAIT,
            ),
            "looking for a CI pipeline",
        )
        return _pipeline(found[0]) if found else None

    def status(self, pipeline_id: int) -> CiPipeline:
        """Return a CI pipeline as it is now."""
        project = self._project()
        return _pipeline(
            _answer(
                lambda: project.pipelines.get(pipeline_id, **_DO_NOT_WAIT),
                f"reading CI pipeline {pipeline_id}",
            )
        )

    def jobs(self, pipeline_id: int) -> list[CiJob]:
        """Return a CI pipeline's jobs as they are now."""
        pipeline = self._project().pipelines.get(pipeline_id, lazy=True)
        listed = _answer(
            lambda: pipeline.jobs.list(get_all=True, **_DO_NOT_WAIT),
            f"reading jobs of {pipeline_id}",
        )
        return [CiJob(str(job.name), str(job.status), str(job.web_url)) for job in listed]

    def token(self) -> ApiToken:
        """Return what GitLab says of the API token. (Of a trigger token it says nothing.)"""
        import gitlab as python_gitlab

        api, secret_arn = connection(self._settings), self._settings.secret_arn

        def asked() -> ApiToken:
            try:
                answer = api.personal_access_tokens.get("self", **_DO_NOT_WAIT)
            except python_gitlab.GitlabAuthenticationError:
                return ApiToken(digest(self._settings.api_token)[:16], "", secret_arn)
            return ApiToken(str(answer.id), answer.expires_at, secret_arn)

        found: ApiToken = _answer(asked, "asking when the API token expires")
        return found

    def _project(self, private_token: bool = True) -> Any:
        api = connection(self._settings, private_token)
        return api.projects.get(self._settings.project_path, lazy=True)


def connection(settings: Settings, private_token: bool = True) -> Any:
    """Return python-gitlab's client, with the API token or with none.

    It follows no redirect and no proxy variable: either would carry the token to another host.
    """
    # python-gitlab costs 100 ms to import: only a refresh pays for it.
    import gitlab as python_gitlab
    import requests

    session = requests.Session()
    session.max_redirects = 0
    session.trust_env = False
    return python_gitlab.Gitlab(
        settings.url,
        private_token=settings.api_token if private_token else None,
        timeout=_TIMEOUT,  # type: ignore[arg-type]  # handed to requests, which takes a pair
        session=session,
    )


def _answer(call: Any, doing: str) -> Any:
    """Return what GitLab answered, or raise our own error without the request in it."""
    import gitlab as python_gitlab
    import requests

    error: HeadraceError
    try:
        return call()
    except python_gitlab.GitlabAuthenticationError:
        error = PermanentError(f"{doing}: GitLab refused the API token (401)")
    except python_gitlab.GitlabParsingError:
        error = RetryableError(f"{doing}: GitLab's answer was not JSON")
    except python_gitlab.GitlabError as problem:
        code, text = problem.response_code, str(problem.error_message)[:300]
        too_many = code == 429 or "Too many pipelines" in text
        if too_many or code is None or code >= 500:
            error = RetryableError(f"{doing}: GitLab said {code} {text}")
        elif "Insufficient permissions to set pipeline variables" in text:
            error = PermanentError(f"{doing}: {_NO_VARIABLES}")
        elif code == 404:
            error = PermanentError(
                f"{doing}: GitLab said 404: no such project, or the trigger token of another one"
            )
        else:
            error = PermanentError(f"{doing}: GitLab said {code} {text}")
    except requests.TooManyRedirects:
        error = PermanentError(f"{doing}: GitLab redirected to another address")
    except requests.RequestException as problem:
        error = RetryableError(f"{doing}: GitLab did not answer ({type(problem).__name__})")
    raise error from None


def _pipeline(answer: Any) -> CiPipeline:
    return CiPipeline(int(answer.id), str(answer.status), str(answer.web_url))
