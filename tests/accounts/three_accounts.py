"""The accounts beside the registry's, and the CI jobs that go from one to the next."""

from __future__ import annotations

from typing import Any

import gitlab as python_gitlab

from demo.loop import Loop
from local_cloud.cloud import Cloud

ACCOUNTS = {"staging": "111111111111", "production": "222222222222"}
CI_SECONDS = 120.0


class Jobs:
    """The jobs of a CI pipeline."""

    def __init__(self, cloud: Cloud, loop: Loop, number: int) -> None:
        self._project, self._loop, self.number = project_of(cloud), loop, number

    @classmethod
    def of(cls, cloud: Cloud, loop: Loop, variables: dict[str, str]) -> Jobs:
        """Start a CI pipeline with these variables."""
        given = [{"key": key, "value": value} for key, value in variables.items()]
        started = project_of(cloud).pipelines.create({"ref": "main", "variables": given})
        return cls(cloud, loop, started.id)

    @classmethod
    def named(cls, cloud: Cloud, loop: Loop, beginning: str) -> Jobs:
        """The one CI pipeline whose name begins so."""
        listed = project_of(cloud).pipelines.list(get_all=True)
        (found,) = [one for one in listed if one.name.startswith(beginning)]
        return cls(cloud, loop, found.id)

    @property
    def status(self) -> str:
        return str(self._project.pipelines.get(self.number).status)

    def all(self) -> dict[str, Any]:
        listed = self._project.pipelines.get(self.number).jobs.list(get_all=True)
        return {job.name: job for job in listed}

    def play(self, name: str) -> str:
        """Click on a job that waits for it; return its log, once it succeeded."""
        job = self._project.jobs.get(self.all()[name].id, lazy=True)
        job.play()
        over = ("success", "failed", "canceled")
        self._loop.wait(f"{name} to end", lambda: self.all()[name].status in over, CI_SECONDS)
        log = str(job.trace().decode())
        assert self.all()[name].status == "success", log
        return log


def project_of(cloud: Cloud) -> Any:
    """The CI project."""
    api = python_gitlab.Gitlab(
        cloud.info["gitlab_url"], private_token=cloud.info["gitlab_api_token"]
    )
    return api.projects.get(cloud.info["gitlab_project_id"])
