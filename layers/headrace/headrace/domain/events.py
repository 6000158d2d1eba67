"""Events as values; `adapters/eventbridge.py` parses them from what AWS publishes.

`business_key` identifies the change itself. EventBridge's own id does not: SageMaker reports one
change under several ids, and every event may be delivered more than once.

Events and looked-up values are named tuples: each cold start creates their classes, which takes
several times as long for a frozen dataclass. Stored values are dataclasses.
"""

import hashlib
from typing import Final, NamedTuple

from headrace.domain.cause import Cause
from headrace.domain.model_version import ModelPackage
from headrace.domain.quality import Verdict

SOURCE: Final = "headrace"
# What Headrace says of a run that was deleted, with its pipeline, while it held its lane.
DELETED: Final = "Deleted"
_WORKS: Final = ("InProgress", "Queued")


def has_ended(status: str) -> bool:
    """Return whether a pipeline execution with this status will never change it again.

    SageMaker adds statuses, such as CompletedWithFailures in botocore 1.44.8. Its names for work
    under way end in -ing or are InProgress or Queued; any other is final, so that a run whose
    status nobody knew does not hold its lane for ever.
    """
    return not status.endswith("ing") and status not in _WORKS


def has_failed(status: str) -> bool:
    """Return whether a status is an end that nobody wanted: neither Succeeded nor Stopped."""
    return has_ended(status) and status not in ("Succeeded", "Stopped")


class ObjectCreated(NamedTuple):
    """A file arrived in the data bucket, however it was uploaded. `size` is in bytes."""

    bucket: str
    key: str
    version_id: str
    size: int
    time: float

    @property
    def business_key(self) -> str:
        return f"s3/{self.bucket}/{self.key}/{self.version_id}"


class RunStatusChanged(NamedTuple):
    """A pipeline execution changed its status. `pipeline` is in lower case, as in AWS's events."""

    pipeline: str
    execution_arn: str
    status: str
    display_name: str
    time: float

    @property
    def business_key(self) -> str:
        return f"run/{self.execution_arn}/{self.status}"


class StepStatusChanged(NamedTuple):
    """A step of a pipeline execution changed its status."""

    pipeline: str
    execution_arn: str
    step: str
    status: str
    reason: str
    time: float

    @property
    def business_key(self) -> str:
        return f"step/{self.execution_arn}/{self.step}/{self.status}"


class ModelPackageChanged(NamedTuple):
    """A version in the registry was registered, approved, rejected, edited or deleted.

    Only the ARN is trusted; the version's current state is read from the registry. Its key is of
    the event, and apart from `ModelPackage.business_key`, which is of the state found there.
    """

    group: str
    arn: str
    approval: str
    time: float
    edited: bool = False  # other fields were updated, the approval was not

    @property
    def business_key(self) -> str:
        return f"package-event/{self.arn}/{self.approval}/{self.time}"


class RunRequested(NamedTuple):
    """A schedule, a person or another trigger asks the control plane for a run."""

    pipeline: str
    id: str
    cause: Cause
    time: float

    @property
    def business_key(self) -> str:
        return f"request/{self.pipeline}/{self.id}"


class RunNotStarted(NamedTuple):
    """The run of a request could not be started."""

    pipeline: str
    request_id: str
    error: str
    time: float

    @property
    def business_key(self) -> str:
        return f"not-started/{self.pipeline}/{self.request_id}"


class RefreshEnded(NamedTuple):
    """The CI pipeline that puts a version into the inference pipeline ended.

    `ci_pipeline` is its GitLab id, which grows with time; 0 if none was started.
    """

    group: str
    arn: str
    refresh_id: str
    succeeded: bool
    detail: str
    time: float
    ci_pipeline: int = 0

    @property
    def business_key(self) -> str:
        return f"refresh/{self.refresh_id}"


class ApprovalOverdue(NamedTuple):
    """A version has waited for approval longer than its project allows; `days` counts how long."""

    group: str
    arn: str
    days: int
    time: float

    @property
    def business_key(self) -> str:
        return f"overdue/{self.arn}/{self.days}"


class VersionGone(NamedTuple):
    """A version is no longer in the registry."""

    group: str
    arn: str
    time: float

    @property
    def business_key(self) -> str:
        return f"gone/{self.arn}"


class LiveDiffers(NamedTuple):
    """The inference pipeline is not the live version's (`arn`), with its `artefact`.

    It scores with the version `found` and its artefact, empty where it names none; `pipeline_arn`
    is empty if it is not there. It was last changed at `changed`, in Unix seconds.
    """

    group: str
    arn: str
    artefact: str
    pipeline_arn: str
    found: str
    found_artefact: str
    changed: int
    time: float

    @property
    def business_key(self) -> str:
        """Identifies the difference: one that comes back is another one."""
        there = digest(f"{self.pipeline_arn} {self.found} {self.found_artefact}")
        return f"differs/{self.arn}/{there[:16]}/{self.changed}"


class GitLabTokenEnds(NamedTuple):
    """GitLab's API token expires within so many days, or is refused: `expires` is empty then.

    `token` identifies it without being it; `secret_arn` is where its successor belongs.
    """

    token: str
    expires: str
    within_days: int
    secret_arn: str
    time: float

    @property
    def business_key(self) -> str:
        return key_of_token_notice(self.token, self.expires, self.within_days)


class LaneDue(NamedTuple):
    """Reconcile found a stalled request or refresh."""

    pipeline: str
    request_id: str
    time: float

    @property
    def business_key(self) -> str:
        return f"due/{self.pipeline}/{self.request_id}/{self.time:.0f}"


Event = (
    ObjectCreated
    | RunStatusChanged
    | StepStatusChanged
    | ModelPackageChanged
    | RunRequested
    | RunNotStarted
    | RefreshEnded
    | ApprovalOverdue
    | VersionGone
    | LiveDiffers
    | GitLabTokenEnds
    | LaneDue
)


def pipeline_of(arn: str) -> str:
    """Return the lower-case pipeline name in a pipeline's or a pipeline execution's ARN."""
    return arn.split(":pipeline/", 1)[-1].split("/", 1)[0].lower()


def execution_id_of(arn: str) -> str:
    """Return the execution id at the end of a pipeline execution's ARN."""
    return arn.rsplit("/", 1)[-1]


# Keys of things that are done once; the ledger keeps them beside the business keys of events.


def key_of_notification(key: str) -> str:
    """Return the key under which the ledger remembers that people were notified."""
    return f"told/{key}"


def key_of_registration(arn: str) -> str:
    """Return the key of the message that a version waits for approval."""
    return f"registered/{arn}"


def key_of_drift(execution_arn: str) -> str:
    """Return the key of the message about a run's data-quality violations."""
    return f"drift/{execution_arn}"


def key_of_token_notice(token: str, expires: str, within_days: int) -> str:
    """Return the key of the message that GitLab's API token expires so soon, or is refused."""
    return f"gitlab-token/{token}/{expires or 'refused'}/{within_days}"


def key_of_check(request_id: str) -> str:
    """Return the key of the decision which files of a drop of late ground truth to check."""
    return f"checked/{request_id}"


def key_of_model_quality(execution_arn: str) -> str:
    """Return the key of the decision on a run's failed model-quality step, whatever reports it."""
    return f"model-quality/{execution_arn}"


def key_of_quota_wait(request_id: str) -> str:
    """Return the key of the message that the run of a request waits for a quota."""
    return f"quota/{request_id}"


def key_of_refusal(reason: str, now: float) -> str:
    """Return the key of the message that events are refused for a reason: once a day (UTC)."""
    return f"refused/{reason}/{int(now // 86400)}"


def digest(text: str) -> str:
    """Return the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


class PackageReviewed(NamedTuple):
    """A version whose approval changed, as the registry has it now.

    `newest_approved` is the ARN of the newest approved version of the group, if there is one;
    `edited` says that the event reports an edit that left the approval as it was.
    """

    package: ModelPackage
    newest_approved: str | None
    time: float
    edited: bool = False

    @property
    def business_key(self) -> str:
        return self.package.business_key


class Refreshed(NamedTuple):
    """A refresh that ended; `approved` is whether its version is still approved in the registry."""

    ended: RefreshEnded
    approved: bool
    newest_approved: str | None

    @property
    def business_key(self) -> str:
        return self.ended.business_key


class ModelQualityFailed(NamedTuple):
    """A model-quality step failed; `verdict` is None when it crashed before it had one."""

    execution_arn: str
    verdict: Verdict | None
    time: float

    @property
    def business_key(self) -> str:
        return key_of_model_quality(self.execution_arn)
