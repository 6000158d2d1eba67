"""From the inbox to the ledger: look up what an event needs, decide, commit, hand over.

Each message is decided by itself, except that uploads to one lane are decided together, so that
a burst of files touches its lane once. A message that fails stays in the queue; its batch mates
do not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import OBJECTS_PER_COMMIT, Ledger
from headrace.adapters.messaging import StateMachine
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import Conflict, HeadraceError, NotThere, PermanentError
from headrace.domain.events import (
    ENDED,
    ApprovalOverdue,
    Event,
    LaneDue,
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
)
from headrace.domain.lane import Lane
from headrace.domain.project import Folder, Project
from headrace.domain.quality import MODEL_QUALITY_STEP, Verdict
from headrace.rules.decide import Fact, decide
from headrace.rules.uploads import FilesArrived
from headrace.use_cases import ground_truth
from headrace.use_cases.starters import with_starters

_TRIES = 5

_Place = tuple[Project, Folder | None]  # where an upload lies


@dataclass(frozen=True, slots=True)
class Inbox:
    """What deciding needs: the adapters, the time, and where to log.

    `warn` logs what Headrace raises on purpose; `crashed` logs, with its traceback, the exception
    being handled, which nobody expected.
    """

    ledger: Ledger
    bucket: DataBucket
    sagemaker: SageMaker
    state_machine: StateMachine
    now: Callable[[], float]
    warn: Callable[[str], None]
    crashed: Callable[[str], None]

    def handle(self, records: Iterable[dict[str, Any]]) -> list[str]:
        """Decide a batch of SQS records; return the ids of those to deliver again."""
        failed: list[str] = []
        uploads: defaultdict[_Place, list[tuple[str, ObjectCreated]]] = defaultdict(list)
        places: dict[str, _Place | None] = {}  # by folder: a drop is in one or a few
        for record in records:
            message_id = record["messageId"]
            try:
                event = parse_json(record["body"])
                if isinstance(event, ObjectCreated):
                    folder = event.key.rpartition("/")[0]
                    if folder not in places:
                        places[folder] = self._place_of(event)
                    if place := places[folder]:
                        uploads[place].append((message_id, event))
                else:
                    for project, lane, fact in self._look_up(event):
                        self._decide(project, lane, fact)
            except HeadraceError as error:
                self.warn(f"message {message_id}: {error}")
                failed.append(message_id)
            except Exception:
                self.crashed(f"message {message_id}")
                failed.append(message_id)
        for place, arrived in uploads.items():
            for start in range(0, len(arrived), OBJECTS_PER_COMMIT):
                failed += self._uploads(place, arrived[start : start + OBJECTS_PER_COMMIT])
        return failed

    def _uploads(self, place: _Place, arrived: list[tuple[str, ObjectCreated]]) -> list[str]:
        """Decide uploads together; return the ids of the messages to deliver again.

        If that raises what nobody expected, each is decided by itself, so that one upload cannot
        fail the others.
        """
        try:
            self._files(*place, [item for _, item in arrived])
        except HeadraceError as error:
            self.warn(f"{len(arrived)} uploads: {error}")
        except Exception:
            self.crashed(f"{len(arrived)} uploads")
            if len(arrived) > 1:
                return [failed for one in arrived for failed in self._uploads(place, [one])]
        else:
            return []
        return [message_id for message_id, _ in arrived]

    def _place_of(self, item: ObjectCreated) -> _Place | None:
        project = self.ledger.project_of_key(item.key)
        if project is None:
            self.warn(f"no project's prefix holds {item.key!r}; nothing to do")
            return None
        return project, project.folder_of(item.key)

    def _files(self, project: Project, watched: Folder | None, items: list[ObjectCreated]) -> None:
        for _ in range(_TRIES):
            by_key = {item.business_key: item for item in items}
            seen = self.ledger.seen(by_key)
            fresh = [item for key, item in by_key.items() if key not in seen]
            if not fresh:
                break
            if all(
                self._commit(
                    project, lane, FilesArrived(tuple(some)), [i.business_key for i in some]
                )
                for lane, some in self._lanes_for(project, watched, fresh)
            ):
                return
        else:
            raise Conflict(f"the lanes of {project.name} are too busy for {len(items)} uploads")
        self.hand_over_rest()

    def _lanes_for(
        self, project: Project, watched: Folder | None, items: list[ObjectCreated]
    ) -> Iterator[tuple[Lane, list[ObjectCreated]]]:
        """Yield the lanes that uploads to a folder are decided on, as they are now.

        Ground truth belongs to the run of its scoring input while that one has not been claimed,
        and on the lane of checks from then on.
        """
        pipelines = project.pipelines
        if watched != "ground-truth":
            training = watched == "training"
            yield self.ledger.lane(pipelines.training if training else pipelines.inference), items
            return
        names = [project.relative_name(item.key) for item in items]
        joined = ground_truth.requests_of(self.ledger, self.bucket, project, names)
        scoring = self.ledger.lane(pipelines.inference)  # read last: it knows those requests
        waiting = scoring.waiting.id if scoring.waiting else ""
        is_late = [joined.get(name, waiting) != waiting for name in names]
        for lane, late in ((pipelines.inference, False), (pipelines.model_quality, True)):
            some = [item for item, was in zip(items, is_late, strict=True) if was == late]
            if some:
                yield (self.ledger.lane(lane) if late else scoring), some

    def _decide(self, project: Project, lane: str, fact: Fact) -> None:
        for _ in range(_TRIES):
            if self.ledger.seen([fact.business_key]):
                self.hand_over_rest()
                return
            if self._commit(project, self.ledger.lane(lane), fact, [fact.business_key]):
                return
        raise Conflict(f"the lane of {lane} is too busy")

    def _commit(
        self, project: Project, before: Lane, fact: FilesArrived | Fact, keys: list[str]
    ) -> bool:
        now = self.now()
        decision = decide(project, before, fact, now)
        try:
            self.ledger.commit(project, before, decision, keys, now)
        except Conflict:
            return False
        for name, action in decision.inputs:
            self._hand_over(name, action)
        return True

    def _hand_over(self, name: str, action: dict[str, Any]) -> None:
        self.state_machine.start(name, action)
        self.ledger.handed_over(name)

    def hand_over_rest(self) -> None:
        """Finish what a delivery before this one decided and died before it handed over."""
        for name, action in self.ledger.outbox():
            self._hand_over(name, action)

    def _look_up(self, event: Event) -> list[tuple[Project, str, Fact]]:
        """Return what an event tells, each with its project and lane; nothing if it is not ours."""
        match event:
            case ModelPackageChanged():
                return self._package(event)
            case StepStatusChanged():
                project = self.ledger.project_of("pipeline", event.pipeline)
                if project and event.step == MODEL_QUALITY_STEP and event.status == "Failed":
                    return self._model_quality(project, event)
                return []
            case RefreshEnded():
                return self._refreshed(event)
            case ApprovalOverdue() | VersionGone():
                project = self.ledger.project_of("group", event.group)
                return [(project, project.pipelines.inference, event)] if project else []
            case RunStatusChanged():
                project = self.ledger.project_of("pipeline", event.pipeline)
                if project is None or self._is_late(event):
                    return []
                # The step's own event may be lost: a failed run is asked for its verdict as well.
                failed = self._model_quality(project, event) if event.status == "Failed" else []
                return [(project, event.pipeline, event), *failed]
            case RunRequested() | RunNotStarted() | LaneDue():
                project = self.ledger.project_of("pipeline", event.pipeline)
                if project is None:
                    raise PermanentError(
                        f"no project has a pipeline named {event.pipeline}; "
                        "run `headrace pipelines upsert PROJECT`"
                    )
                return [(project, event.pipeline, event)]
            case ObjectCreated():
                raise AssertionError("uploads are decided together")

    def _is_late(self, event: RunStatusChanged) -> bool:
        """Whether a run is said to go on that has ended: it would hold its lane for ever."""
        if event.status in ENDED:
            return False
        run = self.sagemaker.describe(event.execution_arn)
        if run is None:
            raise NotThere(f"{event.execution_arn} is {event.status} by its event, but was deleted")
        return run.ended

    def _package(self, event: ModelPackageChanged) -> list[tuple[Project, str, Fact]]:
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
        return [(project, project.pipelines.inference, PackageReviewed(package, back, event.time))]

    def _refreshed(self, event: RefreshEnded) -> list[tuple[Project, str, Fact]]:
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
    ) -> list[tuple[Project, str, Fact]]:
        """Return the failure of a run's model-quality step, if that is what failed."""
        checked_by = (project.pipelines.inference, project.pipelines.model_quality)
        if event.pipeline not in [name.lower() for name in checked_by]:
            return []
        said = self.sagemaker.exit_message_of_failed(event.execution_arn, MODEL_QUALITY_STEP)
        if said is None:
            return []
        fact = ModelQualityFailed(event.execution_arn, Verdict.parse(said), event.time)
        return [(project, project.pipelines.training_hpo, fact)]
