"""The ledger: one DynamoDB table of projects, lanes, drops, decided events, and the audit log.

Every item is `pk`, `sk`, usually a JSON document in `doc`, and a `ttl` where it expires:

    PROJECT#pipeline#<name> ...      the project a pipeline, group or prefix belongs to
    LANE#<pipeline> / LANE           the lane, with its `version`
    DROP#<request> / <digest of key>#<version> one uploaded object of a drop
    RUN#<execution ARN> / RUN        a run that the control plane started, and who asked for it
    SEEN#<business key> / SEEN       a decided event; for an upload, the `request` it joined
    OUTBOX / <action>                a decided action that is not handed over yet
    SWEEP and MARK#<project>         how far reconcile has come, see `marks.py`
    AUDIT#<project> / <time>#<id>    what was decided and why; append-only
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from headrace.adapters.dynamodb import NEW, Table, as_json, fields_of
from headrace.domain.errors import Conflict, PermanentError, RetryableError
from headrace.domain.events import digest
from headrace.domain.project import Project

if TYPE_CHECKING:  # type-only: keeps notify's cold start short
    from headrace.domain.actions import Decision
    from headrace.domain.lane import Lane, Run

Owner = Literal["pipeline", "group", "prefix", "name"]

# A dead letter can wait 14 days and be redriven after that; SEEN items must outlive it.
_TTL_SECONDS = 45 * 24 * 3600
# SEEN items link ground truth to the request of its scoring input, up to a year later.
_UPLOADS_TTL_SECONDS = 400 * 24 * 3600
# TransactWriteItems takes 100 items: two for each object, and the lane, audit and actions.
OBJECTS_PER_COMMIT = 40
_AUDIT_SCHEMA = 2
_RUN_SCHEMA = 1
_CLAIM_SECONDS = 45  # longer than notify's timeout


class Ledger:
    """The ledger in a table; every write that matters is conditional."""

    def __init__(self, table: str, client: Annotated[Any, "dynamodb"]) -> None:
        self._table = Table(table, client)

    # --- projects -----------------------------------------------------------------------------

    def put_project(self, project: Project) -> None:
        """Write a project's settings, under its name, pipelines, group and prefix.

        Raises PermanentError if one of them belongs to another project.
        """
        doc = json.dumps(project.document(), sort_keys=True)
        owned: list[tuple[Owner, str]] = [
            ("name", project.name),
            ("prefix", project.prefix),
            ("group", project.model_package_group),
            *(("pipeline", name.lower()) for name in asdict(project.pipelines).values()),
        ]
        puts = [
            self._table.put(
                _owner_key(kind, value),
                {"doc": doc, "held_by": project.name},
                condition="attribute_not_exists(pk) OR held_by = :project",
                values={":project": {"S": project.name}},
            )
            for kind, value in owned
        ]
        puts.append(self._table.put({"pk": "PROJECTS", "sk": project.name}, {"doc": doc}))
        try:
            self._table.transact(puts)
        except Conflict as error:
            names = ", ".join(f"{kind} {value}" for kind, value in owned[1:])
            raise PermanentError(
                f"{project.name}: one of {names} belongs to another project already"
            ) from error

    def forget(self, project: Project) -> None:
        """Delete a project's settings and lanes, so that events are ignored; its audit stays."""
        names = asdict(project.pipelines).values()
        for name in names:
            self._table.delete(_owner_key("pipeline", name.lower()))
        self._table.delete(_owner_key("prefix", project.prefix))
        self._table.delete(_owner_key("group", project.model_package_group))
        self._table.delete({"pk": "PROJECTS", "sk": project.name})
        self._table.delete(_owner_key("name", project.name))
        self._table.delete({"pk": f"MARK#{project.name}", "sk": "MARK"})
        for name in names:
            self._table.delete({"pk": f"LANE#{name.lower()}", "sk": "LANE"})

    def project_of(self, kind: Owner, value: str) -> Project | None:
        """Return the project that owns a pipeline, group, prefix or name, if there is one."""
        item = self._table.get(_owner_key(kind, value))
        return _project(item["doc"]["S"]) if item else None

    def project_of_key(self, key: str) -> Project | None:
        """Return the project whose prefix an object's key lies under, the longest prefix first."""
        parts = key.split("/")[:-1][:10]
        keys = [_owner_key("prefix", "/".join(parts[: n + 1])) for n in range(len(parts))]
        found = {item["pk"]["S"]: item for item in self._table.get_all(keys)}
        for wanted in reversed(keys):
            if item := found.get(wanted["pk"]):
                return _project(item["doc"]["S"])
        return None

    def projects(self) -> Iterator[Project]:
        """Yield every project."""
        for item in self._table.query("PROJECTS"):
            yield _project(item["doc"]["S"])

    def projects_after(self, name: str, most: int) -> dict[str, Callable[[], Project]]:
        """Return what parses the settings of each of the next projects, by name and in its order.

        The caller parses them, so that one with broken settings fails alone.
        """
        items = self._table.query("PROJECTS", name, "~" if name else "", most + 1)
        named = [(item["sk"]["S"], partial(_project, item["doc"]["S"])) for item in items]
        return dict([(one, project) for one, project in named if one != name][:most])

    # --- lanes and decisions --------------------------------------------------------------------

    def lane(self, pipeline: str) -> Lane:
        """Return the lane of a pipeline, as of now; an unknown one is free and empty."""
        from headrace.domain.lane import Lane

        pipeline = pipeline.lower()
        item = self._table.get({"pk": f"LANE#{pipeline}", "sk": "LANE"})
        return Lane.parse(json.loads(item["doc"]["S"])) if item else Lane(pipeline)

    def seen(self, business_keys: Iterable[str]) -> set[str]:
        """Return which of these events were decided before."""
        by_digest = {digest(key): key for key in business_keys}
        items = self._table.get_all([{"pk": f"SEEN#{d}", "sk": "SEEN"} for d in by_digest])
        return {by_digest[item["pk"]["S"].removeprefix("SEEN#")] for item in items}

    def requests_of(self, business_keys: Iterable[str]) -> dict[str, str]:
        """Return the id of the request that each of these uploads joined, where it joined one."""
        keys = [_seen_key(key) for key in business_keys]
        return {
            item["key"]["S"]: item["request"]["S"]
            for item in self._table.get_all(keys)
            if "request" in item
        }

    def commit(
        self,
        project: Project,
        before: Lane,
        decision: Decision,
        business_keys: Iterable[str],
        now: float,
    ) -> None:
        """Write a decision in one transaction: seen events, lane, drop, actions and audit.

        Raises Conflict, and writes nothing, if the lane changed or an event was seen meanwhile.
        """
        keys = list(business_keys)
        ttl = {"ttl": int(now) + _TTL_SECONDS}
        joined = {"request": decision.request_id, "ttl": int(now) + _UPLOADS_TTL_SECONDS}
        uploads = {item.business_key for item in decision.drop}
        puts = [
            self._table.put(
                _seen_key(key),
                {"key": key, **(joined if key in uploads else ttl)},
                NEW,
            )
            for key in keys
        ]
        # A key may be as long as a sort key, 1,024 bytes, which leaves no room for the version.
        puts += [
            self._table.put(
                {
                    "pk": f"DROP#{decision.request_id}",
                    "sk": f"{digest(item.key)}#{item.version_id}",
                },
                {"doc": as_json(item._asdict()), **ttl},
            )
            for item in decision.drop
        ]
        puts += [
            self._table.put({"pk": "OUTBOX", "sk": name}, {"doc": as_json(action)})
            for name, action in decision.inputs
        ]
        if decision.audit:
            at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
            doc = {
                "time": at,
                "lane": before.pipeline,
                "schema": _AUDIT_SCHEMA,
                "decided": [line.document() for line in decision.audit],
                "actions": [action.name for action in decision.actions],
            }
            audit_key = {"pk": f"AUDIT#{project.name}", "sk": f"{at}#{digest(''.join(keys))[:16]}"}
            puts.append(self._table.put(audit_key, {"doc": as_json(doc)}, NEW))
        if decision.run is not None:
            puts.append(self._put_run(decision.run, now))
        if decision.lane != before:
            puts.append(self._put_lane(before.version, decision.lane))
        self._table.transact(puts)

    def put_action(self, key: str, name: str, action: dict[str, Any], now: float) -> None:
        """Decide an action that concerns no lane, by its name and input.

        Raises Conflict if its key was seen.
        """
        seen = {"key": key, "ttl": int(now) + _TTL_SECONDS}
        self._table.transact(
            [
                self._table.put(_seen_key(key), seen, NEW),
                self._table.put({"pk": "OUTBOX", "sk": name}, {"doc": as_json(action)}),
            ]
        )

    def claim(self, before: Lane, after: Lane) -> None:
        """Change only a lane. Raises Conflict if another writer changed it first."""
        self._table.transact([self._put_lane(before.version, after)])

    def started(self, before: Lane, after: Lane, run: Run, now: float) -> None:
        """Record which execution holds a lane, and who asked for it.

        Raises Conflict if another writer changed the lane first.
        """
        puts = [self._put_lane(before.version, after), self._put_run(run, now)]
        self._table.transact(puts)

    def requested_by(self, execution_arn: str) -> tuple[str, ...] | None:
        """Return who asked for a run that the control plane started, None for any other run."""
        item = self._table.get({"pk": f"RUN#{execution_arn}", "sk": "RUN"})
        return tuple(json.loads(item["doc"]["S"])["requested_by"]) if item else None

    def drop(self, request_id: str) -> list[tuple[str, str]]:
        """Return (key, version id) of each object in a drop, by key."""
        docs = (json.loads(item["doc"]["S"]) for item in self._table.query(f"DROP#{request_id}"))
        return sorted((doc["key"], doc["version_id"]) for doc in docs)

    def outbox(self, most: int = 500) -> list[tuple[str, dict[str, Any]]]:
        """Return (name, input) of the first decided actions that are not handed over yet."""
        items = self._table.query("OUTBOX", limit=most)
        return [(item["sk"]["S"], json.loads(item["doc"]["S"])) for item in items]

    def handed_over(self, action: str) -> None:
        """Take an action from the outbox: the state machine has it."""
        self._table.delete({"pk": "OUTBOX", "sk": action})

    def claim_notification(self, key: str, now: float, message_id: str) -> bool:
        """Claim a notification for a queue message; return False if it was sent before.

        A redelivery after a crash has the same message id and may send the notification again;
        another message may once the claim has expired.
        Raises RetryableError while another message holds the claim.
        """
        claim = self._table.put(
            _seen_key(key),
            {
                "key": key,
                "teller": message_id,
                "telling_until": int(now) + _CLAIM_SECONDS,
                "ttl": int(now) + _TTL_SECONDS,
            },
            "attribute_not_exists(pk) OR teller = :teller OR telling_until < :now",
            {":teller": {"S": message_id}, ":now": {"N": str(int(now))}},
        )
        try:
            self._table.transact([claim])
        except Conflict:
            if "telling_until" in (self._table.get(_seen_key(key)) or {}):
                raise RetryableError(f"another invocation is sending {key}") from None
            return False
        return True

    def mark_notified(self, key: str, now: float) -> None:
        """Record that a notification was sent, so that it is not sent again."""
        attributes = {"key": key, "ttl": int(now) + _TTL_SECONDS}
        self._table.transact([self._table.put(_seen_key(key), attributes)])

    def audit(self, project: str, since: str = "0", until: str = "9") -> list[dict[str, Any]]:
        """Return a project's audit between two ISO times, oldest first."""
        items = self._table.query(f"AUDIT#{project}", since, until)
        return [json.loads(item["doc"]["S"]) for item in items]

    def _put_run(self, run: Run, now: float) -> dict[str, Any]:
        doc = {
            "schema": _RUN_SCHEMA,
            "request_id": run.request_id,
            "description": run.description,
            "requested_by": run.requested_by,
        }
        key = {"pk": f"RUN#{run.execution_arn}", "sk": "RUN"}
        ttl = int(now) + _UPLOADS_TTL_SECONDS
        return self._table.put(key, {"doc": as_json(doc), "ttl": ttl})

    def _put_lane(self, version: int, lane: Lane) -> dict[str, Any]:
        doc = as_json({**fields_of(lane), "version": version + 1})
        return self._table.put_version({"pk": f"LANE#{lane.pipeline}", "sk": "LANE"}, doc, version)


def _owner_key(kind: Owner, value: str) -> dict[str, str]:
    return {"pk": f"PROJECT#{kind}#{value}", "sk": "SETTINGS"}


def _seen_key(business_key: str) -> dict[str, str]:
    return {"pk": f"SEEN#{digest(business_key)}", "sk": "SEEN"}


@lru_cache(maxsize=256)
def _project(doc: str) -> Project:
    return Project.parse(json.loads(doc), "the ledger")
