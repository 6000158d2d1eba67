"""What must hold once everything has happened, however it happened."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from headrace.domain.project import FOLDERS, Project
from headrace.rules.scheduling import waits_for_model

from tests.simulation.clock import DAY, HOUR, MINUTE
from tests.simulation.people import People
from tests.simulation.sagemaker import Run
from tests.simulation.world import World

# Times that a request may be due in a life: every ten minutes of the longest outage, seven hours.
_OFTEN = 42


@dataclass
class Report:
    """Numbers of one simulated life, and what was wrong in it."""

    seed: int
    mix: str
    trace: str
    uploads: int = 0
    starts: int = 0
    duplicates: int = 0
    lost: int = 0
    dead_letters: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not (self.duplicates or self.lost or self.problems)


def examine(people: People) -> Report:
    """Return what became of a world that has been lived in."""
    world = people.world
    report = Report(people.seed, people.mix.name, world.clock.trace, len(people.data))
    started = [run for run in world.sagemaker.runs.values() if not run.by_hand]
    report.starts = len(started)
    report.dead_letters = world.inbox.dead_letters + world.notices.dead_letters
    taken = Counter(item for run in started for item in run.objects)
    report.lost = len(people.data - set(taken))
    names = Counter(run.name for run in started)
    report.duplicates = sum(taken.values()) - len(taken)
    report.duplicates += sum(1 for count in names.values() if count > 1)
    problems = report.problems
    problems += [f"{item} was taken for data" for item in sorted(set(taken) - people.data)]
    problems += [f"{name} started {n} times" for name, n in names.items() if n > 1]
    with world.running():
        problems += _overlaps(world)
        problems += _requests(people, names)
        problems += _retunings(world)
        problems += _refreshes(world)
        problems += _mails(world)
        problems += _left_over(world)
        problems += _truths(people)
        problems += _restless(world)
    return report


def _overlaps(world: World) -> Iterator[str]:
    """One run at a time per pipeline, those started by hand apart."""
    for pipeline in sorted(world.sagemaker.pipelines):
        runs = [
            run
            for run in world.sagemaker.runs.values()
            if run.pipeline == pipeline and not run.by_hand
        ]
        for one, next_one in pairwise(sorted(runs, key=lambda run: run.started)):
            if one.ended is None or one.ended > next_one.started:
                yield f"{next_one.name} started while {one.name} was running"


def _audit(world: World, project: Project) -> list[tuple[str, str, str]]:
    """Return (time, event, outcome) of all that was decided for a project.

    The outcome of an event that joined a request is the id of the request.
    """
    return [
        (
            entry["time"],
            line["event"],
            line["request_id"] if line["outcome"] == "joined" else line["outcome"],
        )
        for entry in world.ledger.audit(project.name)
        for line in entry["decided"]
    ]


def _requests(people: People, names: Counter[str]) -> Iterator[str]:
    """What a schedule asks for is run once, or not at all after a later one of its lane."""
    joined: dict[str, list[str]] = {key: [] for key in people.requests}
    for project in people.world.projects:
        for _, cause, outcome in _audit(people.world, project):
            if cause in joined:
                joined[cause].append(outcome)
    for key, runs in sorted(joined.items()):
        lane, asked_at = key.rpartition("/")[0], people.requests[key]
        later = [
            other
            for other, at in people.requests.items()
            if other.rpartition("/")[0] == lane and at > asked_at and joined[other]
        ]
        if runs != ["superseded"] * bool(later) and (len(runs) != 1 or names[runs[0]] != 1):
            yield f"{key} joined {runs}"


def _retunings(world: World) -> Iterator[str]:
    """Each missed threshold is decided once, and the policy is kept."""
    from datetime import datetime

    for project in world.projects:
        audit = _audit(world, project)
        decided = Counter(cause for _, cause, outcome in audit if outcome.startswith("retuning"))
        for run in world.sagemaker.runs.values():
            names = project.pipelines
            if run.pipeline not in (names.inference, names.model_quality) or run.failed is None:
                continue
            missed = run.failed[0] == "ModelQuality" and run.failed[1].startswith("{")
            times = decided[f"model-quality/{run.arn}"]
            if times != missed:
                yield f"{run.arn} was decided {times} times, missed: {missed}"
        at = [
            datetime.fromisoformat(time).timestamp()
            for time, _, outcome in audit
            if outcome == "retuning"
        ]
        policy = project.retune
        for one, other in pairwise(at):
            if other - one < policy.cool_down_hours * HOUR - 1:
                yield f"{project.name} retuned after {(other - one) / HOUR:.2f} h"
        for one, other in zip(at, at[policy.max_per_week :], strict=False):
            if other - one < 7 * DAY:
                yield f"{project.name} retuned more than {policy.max_per_week} times in a week"


def _refreshes(world: World) -> Iterator[str]:
    """One CI pipeline per approval, of what may be live; the ledger knows what is."""
    for name, count in Counter(p.name for p in world.gitlab.pipelines).items():
        if count > 1:
            yield f"GitLab ran {count} pipelines named {name!r}"
    for pipeline in world.gitlab.pipelines:
        history = [h for h in world.registry.history if h[1] == pipeline.arn]
        before = [h for h in history if h[0] <= pipeline.triggered]
        # The registry was read within the invocation that triggered, which takes up to 30 s.
        recent = [before[-1], *(h for h in before[:-1] if h[0] > pipeline.triggered - 0.5 * MINUTE)]
        recent += [a for a, b in pairwise(before) if b[0] > pipeline.triggered - 0.5 * MINUTE]
        if not any(approval == "Approved" and reviewed for _, _, approval, reviewed in recent):
            yield f"GitLab was asked for {pipeline.arn} when it was not approved"
    for project in world.projects:
        lane = world.ledger.lane(project.pipelines.inference)
        holds = world.gitlab.inference.get(project.name)
        if lane.rollout.live != holds:
            yield f"{project.name}: the ledger says {lane.rollout.live}, CI put {holds}"
        if lane.rollout.wanted:
            yield f"{project.name}: still refreshing: {lane.rollout}"


def _mails(world: World) -> Iterator[str]:
    """A message goes out once; again only where SNS took it and its answer was lost.

    Only CI changes inference pipelines here, so none ever differs from what is live.
    """
    for kind, subject, text in world.sns.published:
        if kind == "live-differs":
            yield f"{subject}: {text}"
    again = sum(count - 1 for count in Counter(world.sns.published).values())
    if again > world.excused:
        twice = [row for row, count in Counter(world.sns.published).items() if count > 1]
        yield f"{again} mails went out again ({world.excused} excused): {twice[:3]}"


def _left_over(world: World) -> Iterator[str]:
    """Nothing waits, nothing holds a lane, nothing was given up."""
    for project in world.projects:
        for name in project.pipelines.all:
            lane = world.ledger.lane(name)
            if lane.current:
                yield f"{name} is held by {lane.current}"
            if lane.waiting and lane.waiting.complete and not waits_for_model(project, lane):
                yield f"{name}: {lane.waiting.id} still waits"
    for action in world.ledger.outbox():
        yield f"{action} was never handed over"
    for name, why in world.act.failed:
        yield f"execution {name} failed: {why}"


def _restless(world: World) -> Iterator[str]:
    """Reconcile does not find the same thing again and again without an end."""
    found: Counter[str] = Counter()
    for project in world.projects:
        for _, cause, _ in _audit(world, project):
            if cause.startswith("due/"):
                found[cause.rpartition("/")[0]] += 1
    for due, count in found.items():
        if count > _OFTEN:
            yield f"reconcile found {due} {count} times"


def _truths(people: People) -> Iterator[str]:
    """Each version of ground truth judges the predictions it belongs to, and judges them once.

    Those of a scoring run that had it when it began, or a check's that came later.
    """
    world, judged, checks = people.world, Counter[tuple[str, str, str]](), Counter[Any]()
    scored_by: dict[tuple[str, str], Run] = {}
    for run in world.sagemaker.runs.values():
        scored_by |= {item: run for item in run.objects if run.scored}
        if run.by_hand or run.pipeline.endswith("inference"):
            judged.update((key, version, run.id) for key, version in run.truths)
        elif run.truths:
            checks.update(run.truths)
            scored = world.s3.names_in(run.parameters["Predictions"])
            of_name = dict(_run_by_name(key) for key in scored)
            judged.update((key, version, of_name[_name(key)]) for key, version in run.truths)
    for what, count in (*judged.items(), *checks.items()):
        if count > 1:
            yield f"{what} was judged {count} times"
    newest = world.s3.newest()
    for key, versions in people.truths.items():
        scoring = key.replace(f"/{FOLDERS['ground-truth']}", f"/{FOLDERS['scoring']}")
        by = scored_by.get((scoring, newest.get(scoring, "")))
        if by is not None and not judged[key, versions[-1], by.id]:
            yield f"{key} {versions[-1]} never judged {by.id}"


def _run_by_name(key: str) -> tuple[str, str]:
    place, name = key.split("/predictions/")
    return name, place.rsplit("/", 1)[1]


def _name(key: str) -> str:
    return key.split(f"/{FOLDERS['ground-truth']}")[1]
