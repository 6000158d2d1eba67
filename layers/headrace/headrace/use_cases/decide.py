"""From the inbox to the ledger: look up what an event needs, decide, commit, hand over.

Each message is decided by itself, except that uploads to one lane are decided together, so that
a burst of files touches its lane once. A message that fails stays in the queue; the others of its
batch do not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import OBJECTS_PER_COMMIT, Ledger
from headrace.adapters.messaging import StateMachine
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.actions import Decision
from headrace.domain.errors import Conflict, HeadraceError
from headrace.domain.events import ObjectCreated
from headrace.domain.lane import Lane
from headrace.domain.project import Folder, Project
from headrace.rules.decide import LaneEvent, decide
from headrace.rules.uploads import FilesArrived
from headrace.use_cases.look_up import LookUp, Place

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

    def handle(self, records: Iterable[dict[str, Any]]) -> list[str]:
        """Decide a batch of SQS records; return the ids of those to deliver again."""
        failed: list[str] = []
        uploads: defaultdict[Place, list[tuple[str, ObjectCreated]]] = defaultdict(list)
        look_up = self.look_up
        places: dict[str, Place | None] = {}  # by folder: a drop is in one or a few
        for record in records:
            message_id = record["messageId"]
            try:
                event = parse_json(record["body"])
                if isinstance(event, ObjectCreated):
                    folder = event.key.rpartition("/")[0]
                    if folder not in places:
                        places[folder] = look_up.place_of(event)
                    if place := places[folder]:
                        uploads[place].append((message_id, event))
                else:
                    for project, lane, routed in look_up.route(event):
                        self._decide(project, lane, routed)
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

    def _uploads(self, place: Place, arrived: list[tuple[str, ObjectCreated]]) -> list[str]:
        """Decide uploads together; return the ids of the messages to deliver again.

        After an unexpected exception each is decided by itself, so that one upload cannot fail the
        others.
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
                for lane, some in self.look_up.lanes_for(project, watched, fresh)
            ):
                return
        else:
            raise Conflict(f"the lanes of {project.name} are too busy for {len(items)} uploads")
        self.hand_over_rest()

    def _decide(self, project: Project, lane: str, event: LaneEvent) -> None:
        for _ in range(_TRIES):
            if self.ledger.seen([event.business_key]):
                self.hand_over_rest()
                return
            if self._commit(project, self.ledger.lane(lane), event, [event.business_key]):
                return
        raise Conflict(f"the lane of {lane} is too busy")

    def _commit(
        self, project: Project, before: Lane, event: FilesArrived | LaneEvent, keys: list[str]
    ) -> bool:
        now = self.now()
        decision = decide(project, before, event, now)
        try:
            self.ledger.commit(project, before, decision, keys, now)
        except Conflict:
            return False
        for name, action in decision.inputs:
            self._hand_over(name, action)
        self.info(
            "decided", extra=_logged(project, before, event, keys, decision, self.now() - now)
        )
        return True

    def _hand_over(self, name: str, action: dict[str, Any]) -> None:
        self.state_machine.start(name, action)
        self.ledger.handed_over(name)

    def hand_over_rest(self) -> None:
        """Hand over actions that an earlier delivery decided but crashed before handing over."""
        for name, action in self.ledger.outbox():
            self._hand_over(name, action)


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
