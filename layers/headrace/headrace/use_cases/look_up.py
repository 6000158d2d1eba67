"""Finds the project and lane that an event concerns, and the current state of what it reports.

An event may be late, repeated or out of order, so only its identity is trusted; the current state
comes from the ledger, the registry, SageMaker and the bucket. Nothing is decided or written here.
"""

from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import PermanentError
from headrace.domain.events import (
    ApprovalOverdue,
    Event,
    GitLabTokenEnds,
    LaneDue,
    LiveDiffers,
    ModelPackageChanged,
    ModelQualityFailed,
    ObjectCreated,
    PackageReviewed,
    Refreshed,
    RefreshEnded,
    RunNotStarted,
    RunRequested,
    RunStatusChanged,
    StepStatusChanged,
    VersionGone,
    has_ended,
    has_failed,
    key_of_model_quality,
)
from headrace.domain.lane import Lane
from headrace.domain.project import Folder, PipelineKind, Project
from headrace.domain.quality import MODEL_QUALITY_STEP, Verdict
from headrace.rules.decide import LaneEvent
from headrace.use_cases import ground_truth
from headrace.use_cases.starters import with_starters

Place = tuple[Project, Folder | None]  # of an upload
RoutedEvent = tuple[Project, str, LaneEvent]  # with the project and the lane that it concerns


def keys_of(event: Event) -> list[str]:
    """Return the keys under which the ledger has an event, and what follows from it, if decided.

    The first one is written last. An event without a key decides nothing.
    """
    match event:
        case StepStatusChanged():
            failed = event.step == MODEL_QUALITY_STEP and event.status == "Failed"
            return [key_of_model_quality(event.execution_arn)] if failed else []
        case RunStatusChanged() if has_failed(event.status):
            return [event.business_key, key_of_model_quality(event.execution_arn)]
        case GitLabTokenEnds():
            return []  # people are notified
        case _:
            return [event.business_key]


def keys_decided(event: Event, routed: LaneEvent) -> list[str]:
    """Return the keys to write with the decision of what an event means for a lane.

    A registry event is decided as the version's state, and its own key goes with it; not if the
    registry has another approval than the event says, so that a second delivery looks again.
    """
    keys = [routed.business_key]
    if isinstance(event, ModelPackageChanged) and not (
        isinstance(routed, PackageReviewed) and routed.package.approval != event.approval
    ):
        keys.append(event.business_key)
    return keys


class LookUp(NamedTuple):
    """The adapters to look things up in; `warn` logs events that concern no project."""

    ledger: Ledger
    bucket: DataBucket
    sagemaker: SageMaker
    warn: Callable[[str], None]

    def place_of(self, item: ObjectCreated) -> Place | None:
        project = self.ledger.project_of_key(item.key)
        if project is None:
            self.warn(f"no project's prefix matches {item.key!r}; nothing to do")
            return None
        return project, project.folder_of(item.key)

    def lanes_for(
        self, project: Project, watched: Folder | None, items: list[ObjectCreated]
    ) -> Iterator[tuple[Lane, list[ObjectCreated]]]:
        """Yield the lanes that uploads to a folder are decided on, as they are now.

        Ground truth goes to the lane of scoring until the run of its scoring input is claimed, and
        to the lane of checks from then on.
        """
        pipelines = project.pipelines
        if watched != "ground-truth":
            training = watched == "training"
            yield self.ledger.lane(pipelines.training if training else pipelines.inference), items
            return
        names = [project.relative_name(item.key) for item in items]
        joined = ground_truth.requests_of(self.ledger, self.bucket, project, names)
        scoring = self.ledger.lane(pipelines.inference)  # read last, to include those requests
        waiting = scoring.waiting.id if scoring.waiting else ""
        is_late = [joined.get(name, waiting) != waiting for name in names]
        for lane, late in ((pipelines.inference, False), (pipelines.model_quality, True)):
            some = [item for item, was in zip(items, is_late, strict=True) if was == late]
            if some:
                yield (self.ledger.lane(lane) if late else scoring), some

    def route(self, event: Event, seen: Container[str] = ()) -> list[RoutedEvent]:
        """Return what an event means for each lane it concerns; empty if it concerns no project.

        What is in `seen`, business keys, was decided before and is left out. The event's own
        meaning is last: once it is decided, all of it is.
        """
        match event:
            case ModelPackageChanged():
                return self._package(event)
            case StepStatusChanged():
                if not keys_of(event):
                    return []
                project = self.ledger.project_of("pipeline", event.pipeline)
                return self._model_quality(project, event) if project else []
            case RefreshEnded():
                return self._refreshed(event)
            case ApprovalOverdue() | VersionGone() | LiveDiffers():
                project = self.ledger.project_of("group", event.group)
                return [(project, project.pipelines.inference, event)] if project else []
            case RunStatusChanged():
                project = self.ledger.project_of("pipeline", event.pipeline)
                if project is None or self._is_late(event):
                    return []
                # The step's own event may be lost, so a failed run's verdict is looked up as well.
                undecided = any(key not in seen for key in keys_of(event)[1:])
                failed = self._model_quality(project, event) if undecided else []
                return [*failed, (project, event.pipeline, event)]
            case RunRequested() | RunNotStarted() | LaneDue():
                project = self.ledger.project_of("pipeline", event.pipeline)
                if project is None:
                    raise PermanentError(
                        f"no project has a pipeline named {event.pipeline}; "
                        "run `headrace pipelines upsert PROJECT`"
                    )
                return [(project, event.pipeline, event)]
            case GitLabTokenEnds():
                return []
            case ObjectCreated():
                raise AssertionError("uploads are decided together")

    def _is_late(self, event: RunStatusChanged) -> bool:
        """Return whether a stale event reports a finished or deleted run as running."""
        if has_ended(event.status):
            return False
        run = self.sagemaker.describe(event.execution_arn)
        return run is None or run.ended

    def _package(self, event: ModelPackageChanged) -> list[RoutedEvent]:
        project = self.ledger.project_of("group", event.group) if event.group else None
        if project is None:
            self.warn(f"no project has the model package group {event.group!r}; nothing to do")
            return []
        package = self.sagemaker.version(event.arn)
        if package is None:
            gone = VersionGone(event.group, event.arn, event.time)
            return [(project, project.pipelines.inference, gone)]
        back = None
        if package.approval == "Approved" and project.four_eyes:
            package = with_starters(self.ledger, self.sagemaker, package)
        elif package.approval == "Rejected":
            back = self.sagemaker.newest(event.group, "Approved", package.arn)
        reviewed = PackageReviewed(package, back, event.time, event.edited)
        return [(project, project.pipelines.inference, reviewed)]

    def _refreshed(self, event: RefreshEnded) -> list[RoutedEvent]:
        project = self.ledger.project_of("group", event.group)
        if project is None:
            return []
        package = self.sagemaker.version(event.arn)
        approved = package is not None and package.approval == "Approved"
        back = None
        if not approved:
            back = self.sagemaker.newest(event.group, "Approved", event.arn)
        return [(project, project.pipelines.inference, Refreshed(event, approved, back))]

    def _model_quality(
        self, project: Project, event: StepStatusChanged | RunStatusChanged
    ) -> list[RoutedEvent]:
        """Return the failure of a run's model-quality step, if that is what failed."""
        kind = project.pipelines.kind_of(event.pipeline)
        if kind not in (PipelineKind.INFERENCE, PipelineKind.MODEL_QUALITY):
            return []
        said = self.sagemaker.exit_message_of_failed(event.execution_arn, MODEL_QUALITY_STEP)
        if said is None:
            return []
        failure = ModelQualityFailed(event.execution_arn, Verdict.parse(said), event.time)
        return [(project, project.pipelines.training_hpo, failure)]
