"""Re-queues changes whose events were lost, so that there is one way to act.

SageMaker's events are best effort, and anything may crash between two writes. What is missing can
be read from the ledger, from SageMaker and from S3: a decided action that was not handed over, a
run (a manual one, too) whose start or end was not reported, a stalled request or refresh, an
approval or a registration without an event, a version that waits too long for approval, and, once
an hour, uploads without an event.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from headrace.adapters import eventbridge
from headrace.adapters.ledger import Ledger
from headrace.adapters.messaging import Queue
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.errors import HeadraceError, NotThere
from headrace.domain.events import RunStatusChanged, key_of_notification, key_of_registration
from headrace.domain.lane import Lane
from headrace.domain.model_version import ModelPackage
from headrace.domain.project import FOLDERS, Project
from headrace.rules.scheduling import may_run_at, waits_for_model
from headrace.use_cases.decide import Inbox

# A refresh may wait for GitLab: its grace period is so many times that of a run.
_REFRESH_TIMES = 6
# Uploads younger than the first may not be complete: a multipart upload's timestamp is the time it
# started. Those older than the second were checked by an earlier inventory.
_UPLOADS_SETTLE = 900.0
_UPLOADS_KEPT = 48 * 3600.0
_RUNS_KEPT = 24 * 3600.0

Envelope = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What reconciling needs: the queues of `decide` and `notify`, to re-queue events.

    `forgotten` is the grace period, in seconds, before a missing event is sent again.
    """

    inbox: Inbox
    inbox_queue: Queue
    notify_queue: Queue
    forgotten: float

    @property
    def _ledger(self) -> Ledger:
        return self.inbox.ledger

    @property
    def _sagemaker(self) -> SageMaker:
        return self.inbox.sagemaker

    def run(self, inventory: bool) -> int:
        """Check every project, with its folders if `inventory`; return how many were re-queued.

        Actions that were decided but not handed over are handed over at once: their names make
        that safe. Raises the first error, but only after everything else was checked, so that one
        project's failure does not affect another's.
        """
        errors: list[HeadraceError] = []
        with self._apart(errors):
            self.inbox.hand_over_rest()
        now, count = self.inbox.now(), 0
        for project in self._ledger.projects():
            looks = [self._lanes(project, now), self._registry(project, now)]
            if inventory:
                looks.append(self._uploads(project, now))
            for missing in looks:  # generators: each looks while it is iterated
                with self._apart(errors):
                    for envelope in missing:
                        self.inbox_queue.send(envelope)
                        count += 1
        if errors:
            raise errors[0]
        return count

    @contextmanager
    def _apart(self, errors: list[HeadraceError]) -> Iterator[None]:
        """Collect an error and go on."""
        try:
            yield
        except HeadraceError as error:
            self.inbox.warn(str(error))
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
            if found is None:
                raise NotThere(f"{run.execution_arn} holds its lane, but was deleted")
            if found.ended:
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
        for run in self._sagemaker.recent(pipeline, now - _RUNS_KEPT):
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

    def _uploads(self, project: Project, now: float) -> Iterator[Envelope]:
        for folder in FOLDERS:
            since, until = now - _UPLOADS_KEPT, now - _UPLOADS_SETTLE
            uploads = self.inbox.bucket.uploads(project.folder(folder), since, until)
            for o in self._unseen({upload.business_key: upload for upload in uploads}):
                yield eventbridge.object_created(o.bucket, o.key, o.version_id, o.size, o.time)

    def _unseen(self, by_key: dict[str, T]) -> list[T]:
        """Return the values whose business keys were never decided."""
        seen = self._ledger.seen(by_key)
        return [one for key, one in by_key.items() if key not in seen]

    def _seen(self, envelope: Envelope) -> bool:
        return bool(self._ledger.seen([eventbridge.parse(envelope).business_key]))


def _due(pipeline: str, request_id: str, now: float) -> Envelope:
    return eventbridge.own("Lane Due", {"pipeline": pipeline, "request_id": request_id}, now)
