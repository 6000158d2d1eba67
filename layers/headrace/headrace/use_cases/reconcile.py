"""Re-queues changes whose events were lost, so that there is one way to act.

SageMaker's events are best effort, and anything may crash between two writes. What is missing can
be read from the ledger, from SageMaker and from S3: a decided action that was not handed over, a
run (a manual one, too) whose start or end was not reported, a stalled request or refresh, an
approval or a registration without an event, a version that waits too long for approval, and, once
an hour, uploads without an event.

An invocation looks at some of the projects and takes bounded parts of their inventories, so that
it ends within a minute however many there are (ADR 12).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from headrace.adapters import eventbridge
from headrace.adapters.ledger import Ledger
from headrace.adapters.marks import Marks
from headrace.adapters.messaging import Queue
from headrace.adapters.sagemaker import Execution, SageMaker
from headrace.domain.errors import Conflict, HeadraceError
from headrace.domain.events import (
    DELETED,
    RunStatusChanged,
    key_of_notification,
    key_of_registration,
)
from headrace.domain.lane import Lane
from headrace.domain.marks import Mark
from headrace.domain.model_version import ModelPackage
from headrace.domain.project import Project
from headrace.rules.scheduling import may_run_at, waits_for_model
from headrace.use_cases import inventory, live_definition
from headrace.use_cases.decide import Inbox
from headrace.use_cases.old_models import delete_models
from headrace.use_cases.sweep import take_turn

# A refresh may wait for GitLab: its grace period is so many times that of a run.
_REFRESH_TIMES = 6
_RUNS_KEPT = 24 * 3600.0
_RUNS_MOST = 300  # of one pipeline

Envelope = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What reconciling needs: the queues of `decide` and `notify`, to re-queue events.

    `forgotten` is the grace period, in seconds, before a missing event is sent again. Models of
    scoring runs are deleted after `keep_models_days`; 0 keeps them.
    """

    inbox: Inbox
    inbox_queue: Queue
    notify_queue: Queue
    forgotten: float
    marks: Marks
    keep_models_days: float

    @property
    def _ledger(self) -> Ledger:
        return self.inbox.ledger

    @property
    def _sagemaker(self) -> SageMaker:
        return self.inbox.sagemaker

    def run(self, *, begin: bool, hourly: bool, request_id: str) -> int:
        """Check the projects whose turn it is; return how many events were re-queued.

        `begin` begins a sweep if none is in progress. `hourly` has these projects' hourly work
        done at once, even if an hour has not passed since the last time. `request_id` is the
        invocation's. Actions that were decided but not handed over are handed over at once: their
        names make that safe. Raises the first error, but only after everything else was checked,
        so that one project's failure does not affect another's.
        """
        errors: list[Exception] = []
        if begin:
            with self._apart(errors):
                self.inbox.hand_over_rest()
        now, count, projects = self.inbox.now(), 0, []
        for parse in take_turn(self._ledger, self.marks, request_id, begin=begin).values():
            with self._apart(errors):
                projects.append(parse())
        for project in projects:
            for missing in (self._lanes(project, now), self._registry(project, now)):
                with self._apart(errors):  # generators: each looks while it is iterated
                    count += self._send(missing)
        count += self._hourly(projects, now, hourly, errors)
        if errors:
            raise errors[0]
        return count

    def _send(self, missing: Iterable[Envelope]) -> int:
        count = 0
        for envelope in missing:
            self.inbox_queue.send(envelope)
            count += 1
        return count

    def _hourly(
        self, projects: list[Project], now: float, at_once: bool, errors: list[Exception]
    ) -> int:
        """Do what is due once an hour, the project first that has waited longest.

        What the budget does not cover is due in the next sweep.
        """
        count, budget = 0, inventory.Budget()
        marks = self.marks.of(project.name for project in projects)
        due = [one for one in projects if at_once or marks[one.name].is_due(now)]
        for project in sorted(due, key=lambda one: marks[one.name].touched):
            if not budget.is_left:
                break
            mark = marks[project.name]
            if mark.place is None:
                mark = mark.begun(now)
                with self._apart(errors):
                    count += self._send(self._definition(project, now))
                with self._apart(errors):
                    mark = self._without_models(project, mark, now)
            with self._apart(errors):
                uploads, mark = inventory.go_on(
                    self._ledger, self.inbox.bucket, project, mark, now, budget
                )
                count += self._send(
                    eventbridge.object_created(o.bucket, o.key, o.version_id, o.size, o.time)
                    for o in uploads
                )
                with suppress(Conflict):  # another invocation went on from there
                    self.marks.put(mark)
        return count

    def _definition(self, project: Project, now: float) -> Iterator[Envelope]:
        grace = self.forgotten
        differs = live_definition.difference(self._ledger, self._sagemaker, project, now, grace)
        if differs is not None and not self._seen(differs):
            yield differs

    def _without_models(self, project: Project, mark: Mark, now: float) -> Mark:
        if not self.keep_models_days:
            return mark
        name, before = project.pipelines.inference, now - self.keep_models_days * 86400
        since, warn = mark.models_until, self.inbox.warn
        until = delete_models(self._sagemaker, name, since, before, warn)
        return replace(mark, models_until=until)

    @contextmanager
    def _apart(self, errors: list[Exception]) -> Iterator[None]:
        """Collect an error, expected or not, and go on."""
        try:
            yield
        except HeadraceError as error:
            self.inbox.warn(str(error))
            errors.append(error)
        except Exception as error:
            self.inbox.crashed("reconcile")
            errors.append(error)

    def _lanes(self, project: Project, now: float) -> Iterator[Envelope]:
        for name in project.pipelines.all:
            lane = self._ledger.lane(name)
            if not waits_for_model(project, lane):
                yield from self._lane(project, lane, now)
                yield from self._runs(name, lane, now)
            refresh, since = lane.rollout.refresh_id, lane.rollout.dispatched_at or 0.0
            if refresh and now - since > _REFRESH_TIMES * self.forgotten:
                yield _due(lane.pipeline, refresh, now)

    def _lane(self, project: Project, lane: Lane, now: float) -> Iterator[Envelope]:
        run, waiting, at = lane.current, lane.waiting, may_run_at(project, lane)
        if run is not None and run.execution_arn:
            found = self._sagemaker.describe(run.execution_arn)
            since = max(run.claimed_at, run.driven_at)
            if found is None and now - since > self.forgotten:
                found = Execution(run.execution_arn, DELETED, run.request_id or "", since)
            if found is not None and found.ended:
                envelope = eventbridge.run_status(found.arn, found.status, found.display_name, now)
                self.notify_queue.send(envelope)
                yield envelope
        elif run is not None and run.request_id is not None:
            if now - max(run.claimed_at, run.driven_at) > self.forgotten:
                yield _due(lane.pipeline, run.request_id, now)
        elif at is None or waiting is None:
            return
        elif now - max(at, waiting.driven_at) > self.forgotten:
            yield _due(lane.pipeline, waiting.id, now)

    def _runs(self, pipeline: str, lane: Lane, now: float) -> Iterator[Envelope]:
        """Recent runs without a received event, including manual ones."""
        mine = lane.current.execution_arn if lane.current else ""
        found = {}
        for run in self._sagemaker.recent(pipeline, now - _RUNS_KEPT, _RUNS_MOST):
            is_new = lane.current is None and now - run.started > self.forgotten
            if run.arn != mine and (run.ended or is_new):
                event = RunStatusChanged(pipeline, run.arn, run.status, run.display_name, now)
                found[event.business_key] = run
        for run in self._unseen(found):
            envelope = eventbridge.run_status(run.arn, run.status, run.display_name, now)
            self.notify_queue.send(envelope)
            yield envelope

    def _registry(self, project: Project, now: float) -> Iterator[Envelope]:
        group = project.model_package_group
        lane = self._ledger.lane(project.pipelines.inference)
        live_arn = lane.rollout.live
        live = self._sagemaker.version(live_arn) if live_arn else None
        if live_arn and live is None:
            gone = eventbridge.own("Version Gone", {"group": group, "arn": live_arn}, now)
            if not self._seen(gone):
                yield gone
        elif live is not None and live.approval == "Rejected":
            yield from self._missed_approval(group, live, now)
        approved = self._sagemaker.newest(group, "Approved")
        if approved is not None and approved not in (live_arn, lane.rollout.wanted):
            yield from self._missed_approval(group, self._sagemaker.version(approved), now)
        pending = self._sagemaker.newest(group, "PendingManualApproval")
        package = self._sagemaker.version(pending) if pending else None
        if package is None or package.approval != "PendingManualApproval":
            return
        if now - package.created > self.forgotten and not self._ledger.seen(
            [key_of_notification(key_of_registration(package.arn))]
        ):
            self.notify_queue.send(
                eventbridge.model_package(group, package.arn, package.approval, now)
            )
        allowed = project.remind_after_hours * 3600
        waited = int((now - package.modified) / allowed)
        if waited:
            days = int(waited * allowed / 86400)
            detail = {"group": group, "arn": package.arn, "days": days}
            envelope = eventbridge.own("Approval Overdue", detail, now)
            if not self._seen(envelope):
                yield envelope

    def _missed_approval(
        self, group: str, package: ModelPackage | None, now: float
    ) -> Iterator[Envelope]:
        if package is None or now - package.modified < self.forgotten:
            return
        if not self._ledger.seen([package.business_key]):
            yield eventbridge.model_package(group, package.arn, package.approval, now)

    def _unseen(self, by_key: dict[str, T]) -> list[T]:
        """Return the values whose business keys were never decided."""
        seen = self._ledger.seen(by_key)
        return [one for key, one in by_key.items() if key not in seen]

    def _seen(self, envelope: Envelope) -> bool:
        return bool(self._ledger.seen([eventbridge.parse(envelope).business_key]))


def _due(pipeline: str, request_id: str, now: float) -> Envelope:
    return eventbridge.own("Lane Due", {"pipeline": pipeline, "request_id": request_id}, now)
