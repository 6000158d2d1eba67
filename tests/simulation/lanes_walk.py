"""Any order of events over the lanes of a project, for Hypothesis to walk."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from headrace.domain.actions import Action, AdvanceRun, Notify
from headrace.domain.cause import Cause
from headrace.domain.events import (
    LaneDue,
    ModelQualityFailed,
    ObjectCreated,
    RunRequested,
    RunStatusChanged,
)
from headrace.domain.lane import Lane, Run
from headrace.domain.quality import Verdict
from headrace.rules.decide import decide
from headrace.rules.uploads import FilesArrived
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.simulation.clock import DAY, HOUR, START
from tests.simulation.people import project

PROJECT = project(0)
TRAINING, HPO = PROJECT.pipelines.training, PROJECT.pipelines.training_hpo
MISSED = Verdict("mse", 16.1, 10.0, False, 1200)

WEEKLY = Cause("schedule", reference="rate(7 days)")


def uploaded(number: int, now: float) -> ObjectCreated:
    key = f"{PROJECT.folder('training')}f{number}.csv"
    return ObjectCreated("bucket", key, f"v{number}", 10, now)


class Lanes(RuleBasedStateMachine):
    """The training and HPO lanes: uploads, requests, misses, runs of ours and by hand."""

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.lanes = {TRAINING: Lane(TRAINING), HPO: Lane(HPO)}
        self.number = 0
        self.driven: set[tuple[str, str]] = set()  # (pipeline, request) with a driver under way
        self.started: dict[str, list[str]] = {TRAINING: [], HPO: []}
        self.running: dict[str, str] = {}  # request or hand-made name -> execution ARN
        self.drops: dict[str, set[str]] = {}
        self.uploads: set[str] = set()
        self.retuned: list[float] = []
        self.causes: list[str] = []

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _decide(self, pipeline: str, event: Any) -> tuple[Action, ...]:
        before = self.lanes[pipeline]
        decision = decide(PROJECT, before, event, self.now)
        # What the ledger does: a decision is written whole, on the lane it was made for.
        self.lanes[pipeline] = decision.lane
        for item in decision.drop:
            self.drops.setdefault(decision.request_id, set()).add(item.key)
        for action in decision.actions:
            if isinstance(action, AdvanceRun):
                self.driven.add((action.pipeline, action.request_id))
        return decision.actions

    @rule(minutes=st.floats(0.0, 600.0))
    def time_passes(self, minutes: float) -> None:
        self.now += minutes * 60

    @rule(count=st.integers(1, 5))
    def files_arrive(self, count: int) -> None:
        items = tuple(uploaded(self._next(), self.now) for _ in range(count))
        self.uploads |= {item.key for item in items}
        self._decide(TRAINING, FilesArrived(items))

    @rule()
    def a_run_is_requested(self) -> None:
        self._decide(TRAINING, RunRequested(TRAINING, f"s{self._next()}", WEEKLY, self.now))

    @rule()
    def a_threshold_is_missed(self) -> None:
        """One missed threshold is one retuning or one mail that says why not."""
        waited = self.lanes[HPO].waiting
        event = ModelQualityFailed(f"arn:run/{self._next()}", MISSED, self.now)
        actions = self._decide(HPO, event)
        if any(isinstance(action, Notify) for action in actions):
            assert self.lanes[HPO].waiting == waited
            return
        assert waited is None
        assert self.lanes[HPO].waiting is not None
        self.retuned.append(self.now)

    @rule()
    def a_model_quality_step_crashes(self) -> None:
        before = self.lanes[HPO]
        event = ModelQualityFailed(f"arn:run/{self._next()}", None, self.now)
        assert self._decide(HPO, event) == ()
        assert self.lanes[HPO] == before

    @precondition(lambda self: self.driven)
    @rule(data=st.data())
    def a_driver_claims(self, data: st.DataObject) -> None:
        """What `advance` does when its turn has come."""
        pipeline, request_id = data.draw(st.sampled_from(sorted(self.driven)))
        self.driven.discard((pipeline, request_id))
        lane = self.lanes[pipeline]
        request = lane.waiting
        if request is None or request.id != request_id or lane.current is not None:
            return  # served, or the lane's end sends for it again
        assert request.quiet_at is not None
        self.now = max(self.now, request.quiet_at)
        run = Run(request_id, self.now, request.description)
        self.lanes[pipeline] = replace(lane, waiting=None, current=run)
        assert request_id not in self.started[pipeline]
        self.started[pipeline].append(request_id)
        self.running[request_id] = f"arn:run/{self._next()}"

    @rule(pipeline=st.sampled_from([TRAINING, HPO]))
    def somebody_starts_a_run_by_hand(self, pipeline: str) -> None:
        name = f"by-hand-{self._next()}"
        arn = self.running[name] = f"arn:run/{self._next()}"
        self._decide(pipeline, RunStatusChanged(pipeline, arn, "Executing", name, self.now))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), status=st.sampled_from(["Succeeded", "Failed", "Stopped"]))
    def a_run_ends(self, data: st.DataObject, status: str) -> None:
        """A failed retuning does not start another: the run's end alone starts nothing new."""
        name = data.draw(st.sampled_from(sorted(self.running)))
        arn = self.running.pop(name)
        pipeline = next((p for p, names in self.started.items() if name in names), None)
        for one in [pipeline] if pipeline else [TRAINING, HPO]:
            waiting = self.lanes[one].waiting
            event = RunStatusChanged(one, arn, status, name, self.now)
            for action in self._decide(one, event):
                assert isinstance(action, AdvanceRun)
                assert waiting is not None
                assert action.request_id == waiting.id

    @rule(pipeline=st.sampled_from([TRAINING, HPO]))
    def reconcile_finds_the_lane_due(self, pipeline: str) -> None:
        waiting = self.lanes[pipeline].waiting
        if waiting is not None:
            self._decide(pipeline, LaneDue(pipeline, waiting.id, self.now))

    @invariant()
    def every_upload_is_in_exactly_one_drop(self) -> None:
        if not hasattr(self, "drops"):
            return
        held = [key for drop in self.drops.values() for key in drop]
        assert len(held) == len(set(held))
        assert set(held) == self.uploads
        for request_id in self.drops:
            waiting = self.lanes[TRAINING].waiting
            assert request_id in self.started[TRAINING] or (
                waiting is not None and waiting.id == request_id
            )

    @invariant()
    def a_request_that_may_run_has_a_driver(self) -> None:
        for pipeline, lane in getattr(self, "lanes", {}).items():
            if lane.waiting is not None and lane.waiting.complete and lane.current is None:
                assert (pipeline, lane.waiting.id) in self.driven

    @invariant()
    def the_policy_is_kept(self) -> None:
        at, policy = getattr(self, "retuned", []), PROJECT.retune
        for one, other in pairwise(at):
            assert other - one >= policy.cool_down_hours * HOUR
        for one, other in zip(at, at[policy.max_per_week :], strict=False):
            assert other - one >= 7 * DAY
