"""Pipelines and jobs as JSON of GitLab's REST API."""

from dataclasses import dataclass
from typing import Any

from local_cloud.gitlab.records import Job, Pipeline, seconds_between
from local_cloud.gitlab.repository import DEFAULT_BRANCH

USER = {"id": 2, "username": "project_1_bot", "name": "headrace", "state": "active", "bot": True}


@dataclass(frozen=True, slots=True)
class Project:
    """The one project this GitLab hosts."""

    url: str  # GitLab's own
    id: int = 1
    path: str = "headrace/headrace"

    @property
    def web_url(self) -> str:
        """Where a browser would find it."""
        return f"{self.url}/{self.path}"


VARIABLES_ROLE = "ci_pipeline_variables_minimum_override_role"


def project(it: Project, variables_role: str) -> dict[str, Any]:
    """GET /projects/:id"""
    namespace, _, name = it.path.rpartition("/")
    return {
        "id": it.id,
        "name": name,
        "path": name,
        "path_with_namespace": it.path,
        "default_branch": DEFAULT_BRANCH,
        VARIABLES_ROLE: variables_role,
        "visibility": "private",
        "web_url": it.web_url,
        "http_url_to_repo": f"{it.web_url}.git",
        "namespace": {"path": namespace, "full_path": namespace, "kind": "group"},
    }


def token(expires: str | None) -> dict[str, Any]:
    """GET /personal_access_tokens/self; None where an administrator lets tokens live for ever."""
    return {
        "id": 1,
        "name": USER["name"],
        "revoked": False,
        "created_at": "2026-01-01T00:00:00.000Z",
        "description": None,
        "scopes": ["api"],
        "user_id": USER["id"],
        "last_used_at": None,
        "active": True,
        "expires_at": expires,
        "last_used_ips": [],
    }


def pipeline_in_list(it: Pipeline, of: Project) -> dict[str, Any]:
    """GET /projects/:id/pipelines"""
    return {
        "id": it.id,
        "iid": it.id,
        "project_id": of.id,
        "sha": it.sha,
        "ref": it.ref,
        "status": it.status,
        "source": it.source,
        "created_at": it.created_at,
        "updated_at": it.updated_at,
        "web_url": f"{of.web_url}/-/pipelines/{it.id}",
        "name": it.name,
    }


def pipeline(it: Pipeline, of: Project) -> dict[str, Any]:
    """GET /projects/:id/pipelines/:pipeline_id"""
    duration = seconds_between(it.started_at, it.finished_at)
    return {
        **pipeline_in_list(it, of),
        "before_sha": "0" * 40,
        "tag": False,
        "yaml_errors": it.yaml_errors,
        "user": USER,
        "started_at": it.started_at,
        "finished_at": it.finished_at,
        "committed_at": None,
        "duration": None if duration is None else round(duration),
        "queued_duration": seconds_between(it.created_at, it.started_at),
        "coverage": None,
        "detailed_status": {
            "text": it.status,
            "label": it.status,
            "group": it.status,
            "details_path": f"/{of.path}/-/pipelines/{it.id}",
        },
    }


def job(it: Job, pipeline: Pipeline, of: Project) -> dict[str, Any]:
    """GET /projects/:id/jobs/:job_id"""
    return {
        "id": it.id,
        "status": it.status,
        "stage": it.stage,
        "name": it.name,
        "ref": pipeline.ref,
        "tag": False,
        "coverage": None,
        "allow_failure": it.allow_failure,
        "created_at": it.created_at,
        "started_at": it.started_at,
        "finished_at": it.finished_at,
        "duration": seconds_between(it.started_at, it.finished_at),
        "queued_duration": seconds_between(it.queued_at, it.started_at),
        "user": USER,
        "commit": {"id": pipeline.sha, "short_id": pipeline.sha[:8]},
        "pipeline": {
            "id": pipeline.id,
            "iid": pipeline.id,
            "project_id": of.id,
            "sha": pipeline.sha,
            "ref": pipeline.ref,
            "status": pipeline.status,
        },
        "failure_reason": it.failure_reason,
        "web_url": f"{of.web_url}/-/jobs/{it.id}",
        "artifacts": [],
    }
