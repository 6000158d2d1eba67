"""Has CI put an approved version into the inference pipeline, and polls until it is done."""

from dataclasses import replace
from typing import Any, Literal, NamedTuple

from headrace.adapters.gitlab_ci import CiPipeline, GitLab
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import PermanentError, RetryableError
from headrace.use_cases.starters import with_starters

# Seconds after which a claimed start has either happened or never will, since the function that
# claimed it has timed out: from then on a search for the CI pipeline's name is conclusive.
_STARTING = 60.0
_JOB = "refresh"  # of `.gitlab-ci.yml`; what follows it promotes the version to other accounts


class RefreshState(NamedTuple):
    """The status of a refresh, and its GitLab pipeline id, None if none was started.

    `superseded` means that another version is wanted now. `detail` is the page of the GitLab
    pipeline, or why there is none.
    """

    status: Literal["running", "succeeded", "failed", "superseded"]
    detail: str
    pipeline_id: int | None = None

    def document(self) -> dict[str, Any]:
        """Return what the state machine reads."""
        return self._asdict()


def refresh(
    ledger: Ledger,
    sagemaker: SageMaker,
    gitlab: GitLab,
    group: str,
    arn: str,
    refresh_id: str,
    pipeline_id: int | None,
    now: float,
) -> RefreshState:
    """Start the CI pipeline of a refresh, or return its status.

    Reads the registry and the lane again before it starts anything: the version may have been
    rejected, deleted or superseded since the decision. `refresh_id` is part of the CI pipeline's
    name, so that one approval is one CI pipeline even if a response is lost. A claim in the lane
    keeps two executions, which a GitLab outage can cause, from starting one each.
    Raises RetryableError while another execution may be starting it.
    """
    if pipeline_id is not None:
        return _status(gitlab, gitlab.status(pipeline_id))
    project = ledger.project_of("group", group)
    if project is None:
        raise PermanentError(f"no project has the model package group {group}")
    lane = ledger.lane(project.pipelines.inference)
    if lane.rollout.refresh_id != refresh_id:
        wanted = lane.rollout.wanted or "nothing"
        return RefreshState("superseded", f"{wanted} is wanted now")
    package = sagemaker.version(arn)
    if package is not None and project.four_eyes:
        package = with_starters(ledger, sagemaker, package)
    if package is None or package.why_not:
        why = "it was deleted" if package is None else package.why_not
        detail = f"the version may not go live any more: {why}"
        return RefreshState("failed", detail)
    if found := gitlab.find(ci_name(arn, refresh_id)):
        return _status(gitlab, found)
    claimed_at = lane.rollout.ci_claimed_at
    if claimed_at is not None and now - claimed_at < _STARTING:
        raise RetryableError(f"another execution may be starting the CI pipeline of {refresh_id}")
    rollout = replace(lane.rollout, ci_claimed_at=now)
    ledger.claim(lane, replace(lane, rollout=rollout))
    started = gitlab.trigger(
        {
            "HEADRACE_ACTION": "refresh",
            "HEADRACE_PROJECT": project.name,
            "HEADRACE_REFRESH_ID": refresh_id,
            "MODEL_PACKAGE_ARN": arn,
        },
    )
    return _status(gitlab, started)


def ci_name(arn: str, refresh_id: str) -> str:
    """Return the name that `.gitlab-ci.yml` gives the CI pipeline of a refresh."""
    return f"refresh {arn} {refresh_id}"


def _status(gitlab: GitLab, pipeline: CiPipeline) -> RefreshState:
    if pipeline.is_running:
        return RefreshState("running", pipeline.web_url, pipeline.id)
    if pipeline.status == "success":
        return RefreshState("succeeded", pipeline.web_url, pipeline.id)
    jobs = gitlab.jobs(pipeline.id)
    failed = ", ".join(f"{job.name} ({job.web_url})" for job in jobs if job.status == "failed")
    detail = f"CI pipeline {pipeline.web_url} is {pipeline.status}; failed: {failed or 'no job'}"
    # Once this job succeeded, the version is live in this account; later jobs promote it.
    is_done = any((job.name, job.status) == (_JOB, "success") for job in jobs)
    return RefreshState("succeeded" if is_done else "failed", detail, pipeline.id)
