"""The cloud's GitLab project: the variables of its jobs, and running a pipeline."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import boto3
import gitlab

OVER = {"success", "failed", "canceled", "skipped"}
POLL_SECONDS = 0.2


class PipelineError(Exception):
    """A CI pipeline did not succeed; the message ends with the failed job's last lines."""


def variables(info: dict[str, Any], venv: Path) -> dict[str, str]:
    """The project's CI/CD variables: where this cloud is, and the prepared environments."""
    return {
        "AWS_ENDPOINT_URL": info["endpoint_url"],
        "AWS_REGION": info["region"],
        "VENV": str(venv),
    }


def access(info: dict[str, Any]) -> dict[str, str]:
    """How jobs get into the account: the role CI assumes with GitLab's token, if there is one.

    boto3 does the rest, given AWS_WEB_IDENTITY_TOKEN_FILE. A stack without the output
    DeliveryRoleArn gets the administrator's keys.
    """
    role_arn = info["outputs"].get("DeliveryRoleArn")
    if role_arn:
        return {
            "AWS_ROLE_ARN": role_arn,
            **{
                f"AWS_{name.upper()}_ROLE_ARN": account["outputs"]["DeliveryRoleArn"]
                for name, account in info["accounts"].items()
            },
        }
    return {
        "AWS_ACCESS_KEY_ID": info["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": info["secret_access_key"],
    }


def trust(session: boto3.Session, url: str) -> None:
    """Let an account take GitLab's tokens: its identity provider, as whoever prepares one does."""
    iam = session.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_open_id_connect_provider(Url=url, ClientIDList=[url])


def run(info: dict[str, Any], given: dict[str, str], timeout: float) -> dict[str, Any]:
    """Create a pipeline with these variables and wait until it is over: GitLab's own answer."""
    api = gitlab.Gitlab(info["gitlab_url"], private_token=info["gitlab_api_token"])
    project = api.projects.get(info["gitlab_project_id"])
    pipeline = project.pipelines.create(
        {
            "ref": project.default_branch,
            "variables": [{"key": key, "value": value} for key, value in given.items()],
        }
    )
    deadline = time.monotonic() + timeout
    while pipeline.status not in OVER:
        if time.monotonic() > deadline:
            raise PipelineError(
                f"pipeline {pipeline.web_url} is still {pipeline.status} after {timeout:.0f} s"
            )
        time.sleep(POLL_SECONDS)
        pipeline.refresh()
    if pipeline.status != "success":
        raise PipelineError(
            f"pipeline {pipeline.web_url} is {pipeline.status}{_last_words(project, pipeline)}"
        )
    answer: dict[str, Any] = pipeline.attributes
    return answer


def _last_words(project: Any, pipeline: Any) -> str:
    for job in pipeline.jobs.list(get_all=True):
        if job.status == "failed":
            trace = project.jobs.get(job.id).trace().decode(errors="replace")
            last = "\n".join(trace.strip().splitlines()[-15:])
            return f"; job {job.name} ends with:\n{last}"
    return ""
