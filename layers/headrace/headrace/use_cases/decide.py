"""From the inbox to the ledger: ask what was seen, look up the rest, decide, commit, hand over.

Each message is decided by itself, except that uploads to one lane are decided together, so that
a burst of files touches its lane once. A message that fails stays in the queue, and one that will
never be decided is refused; the others of its batch are decided.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import OBJECTS_PER_COMMIT, Ledger
from headrace.adapters.messaging import Queue, StateMachine
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.actions import Decision, Notify, as_input
from headrace.domain.errors import Conflict, HeadraceError, PermanentError, RetryableError
from headrace.domain.events import Event, ObjectCreated, key_of_refusal
from headrace.domain.lane import Lane
from headrace.domain.message import EVERY_PROJECT
from headrace.domain.project import Folder, Project
from headrace.notifications.stack_messages import INBOX, event_refused
from headrace.rules.decide import LaneEvent, decide
from headrace.rules.uploads import FilesArrived
from headrace.use_cases.batch import Batch, Record, deliver_again
from headrace.use_cases.look_up import LookUp, Place, keys_decided, keys_of

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Inbox:
    """What deciding needs: the adapters, the time, and where to log.

    `info` logs one line for each decision, `warn` expected errors; `crashed` logs the unexpected
    exception being handled, with its traceback.
    """

    ledger: Ledger
    bucket: DataBucket
    sagemaker: SageMaker
    state_machine: StateMachine
    now: Callable[[], float]
    warn: Callable[[str], None]
    crashed: Callable[[str], None]
    info: Callable[..., None]

    @property
    def look_up(self) -> LookUp:
        """What looks up what an event needs."""
        return LookUp(self.ledger, self.bucket, self.sagemaker, self.warn)

    def handle(
        self,
        records: Iterable[Record],
        require_time: Callable[[], None] = lambda: None,
        refuse: Callable[[Record, PermanentError], None] = deliver_again,
    ) -> list[str]:
        """Decide a batch of SQS records; return the ids of those to deliver again.

        The ledger is asked first which events were decided before; nothing else is looked up for
        those. `require_time` and `refuse` are explained in `Batch`.
        """
        batch = Batch(self.warn, self.crashed, require_time, refuse)
        events: list[tuple[Record, Event]] = []
        for record in records:
            with batch.apart(record):
                events.append((record, parse_json(record["body"])))
        with batch.together([record for record, _ in events]):
            self._unseen(events, batch)
        return batch.failed

    def _unseen(self, events: list[tuple[Record, Event]], batch: Batch) -> None:
        """Decide the events of a batch that were not decided before."""
        keyed = [(record, event, keys_of(event)) for record, event in events]
        seen = self.ledger.seen(dict.fromkeys(key for *_, keys in keyed for key in keys))
        known = [record for record, _, keys in keyed if keys and keys[0] in seen]
        if known:
            with batch.together(known):
                self.hand_over_rest()
        look_up = self.look_up
        uploads: defaultdict[Place, list[tuple[Record, ObjectCreated]]] = defaultdict(list)
        places: dict[str, Place | None] = {}  # by folder: a drop is in one or a few
        for record, event, keys in keyed:
            if not keys or keys[0] in seen:  # before, or by a message of this batch
                continue
            with batch.apart(record):
                batch.require_time()
                if isinstance(event, ObjectCreated):
                    folder = event.key.rpartition("/")[0]
                    if folder not in places:
                        places[folder] = look_up.place_of(event)
                    if place := places[folder]:
                        uploads[place].append((record, event))
                    continue
                for project, pipeline, routed in look_up.route(event, seen):
                    decided = keys_decided(event, routed)
                    self._decide(project, pipeline, routed, decided)
                    seen.update(decided)
        for place, arrived in uploads.items():
            for start in range(0, len(arrived), OBJECTS_PER_COMMIT):
                self._uploads(place, arrived[start : start + OBJECTS_PER_COMMIT], batch)

    def _uploads(
        self, place: Place, arrived: list[tuple[Record, ObjectCreated]], batch: Batch
    ) -> None:
        """Decide uploads together.

        After an error that no retry mends, each is decided by itself, so that one upload cannot
        fail the others.
        """
        if len(arrived) > 1:
            try:
                batch.require_time()
                self._files(*place, [item for _, item in arrived])
                return
            except RetryableError as error:
                self.warn(f"{len(arrived)} uploads: {error}")
                batch.failed += [record["messageId"] for record, _ in arrived]
                return
            except Exception:
                self.crashed(f"{len(arrived)} uploads; now each by itself")
        for record, item in arrived:
            with batch.apart(record):
                batch.require_time()
                self._files(*place, [item])

    def _files(self, project: Project, watched: Folder | None, items: list[ObjectCreated]) -> None:
        """Decide uploads to a folder that the ledger has not seen when the batch began."""
        fresh = {item.business_key: item for item in items}
        for _ in range(_TRIES):
            if all(
                self._commit(
                    project, lane, FilesArrived(tuple(some)), [i.business_key for i in some]
                )
                for lane, some in self.look_up.lanes_for(project, watched, list(fresh.values()))
            ):
                return
            for key in self.ledger.seen(fresh):
                del fresh[key]
            if not fresh:
                self.hand_over_rest()
                return
        raise Conflict(f"the lanes of {project.name} are too busy for {len(items)} uploads")

    def _decide(self, project: Project, pipeline: str, event: LaneEvent, keys: list[str]) -> None:
        for tries in range(_TRIES):
            # A version's state has its key only now; another message may have decided it.
            if (tries or len(keys) > 1) and self.ledger.seen([event.business_key]):
                self.hand_over_rest()
                return
            if self._commit(project, self.ledger.lane(pipeline), event, keys):
                return
        raise Conflict(f"the lane of {pipeline} is too busy")

    def _commit(
        self, project: Project, before: Lane, event: FilesArrived | LaneEvent, keys: list[str]
    ) -> bool:
        """Decide and commit; write nothing and return False if the lane changed meanwhile."""
        now = self.now()
        decision = decide(project, before, event, now)
        try:
            self.ledger.commit(project, before, decision, keys, now)
        except Conflict:
            return False
        self._hand_over(decision.inputs)
        self.info(
            "decided", extra=_logged(project, before, event, keys, decision, self.now() - now)
        )
        return True

    def hand_over_rest(self) -> None:
        """Hand over actions that an earlier delivery decided but crashed before handing over."""
        self._hand_over(self.ledger.outbox())

    def refuse(self, dead_letters: Queue, record: Record, error: PermanentError) -> None:
        """Put a message that will never be decided into the dead-letter queue; notify people."""
        now = self.now()
        message = event_refused(
            EVERY_PROJECT, INBOX, record["messageId"], record["body"], str(error), now
        )
        mail = Notify(message, key_of_refusal(str(error), now))
        actions = [(mail.name, as_input(mail))]
        try:
            self.ledger.put_action(mail.cause, *actions[0], now)
        except Conflict:
            actions = []  # another message with the same error sent it
        dead_letters.put_aside(record["body"], str(error))
        try:
            self._hand_over(actions)
        except HeadraceError as failed:  # the message is safe, and reconcile hands the rest over
            self.warn(str(failed))

    def _hand_over(self, actions: list[tuple[str, dict[str, Any]]]) -> None:
        for name, action in actions:
            self.state_machine.start(name, action)
            self.ledger.handed_over(name)


def _logged(
    project: Project,
    lane: Lane,
    event: FilesArrived | LaneEvent,
    keys: list[str],
    decision: Decision,
    seconds: float,
) -> dict[str, Any]:
    """Return the fields of a decision for its log line."""
    return {
        "event": type(event).__name__,
        "project": project.name,
        "lane": lane.pipeline,
        "business_key": keys[0],
        "events": len(keys),
        "outcome": decision.audit[0].outcome if decision.audit else "none",
        "milliseconds": round(seconds * 1000),
    }
