"""Any order of events over a registry's life, for Hypothesis to walk."""

from typing import Any

from headrace.domain.actions import RefreshInference, ReturnToPending
from headrace.domain.events import PackageReviewed, Refreshed, RefreshEnded
from headrace.domain.lane import Lane
from headrace.domain.model_version import ModelPackage
from headrace.rules.decide import decide
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.simulation.clock import START
from tests.simulation.people import project

PROJECT = project(0)
INFERENCE = PROJECT.pipelines.inference


class RegistryLife(RuleBasedStateMachine):
    """Versions registered, approved, rejected, approved again, deleted, their reference late.

    Events arrive in any order, repeatedly or never; CI succeeds or fails, in order.
    """

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.lane = Lane(INFERENCE)
        self.packages: dict[str, ModelPackage] = {}
        self.seen: set[str] = set()
        self.wanted: list[RefreshInference] = []  # taken by the state machine, not yet by CI
        self.ci: list[tuple[int, RefreshInference, bool]] = []  # under way, in order
        self.ended: list[RefreshEnded] = []  # told by nobody yet
        self.due = ""  # the refresh that should be on its way
        self.holds: str | None = None  # what the inference pipeline uses
        self.numbers = self.versions = 0  # of CI pipelines and versions so far

    def _take(self, event: Any) -> None:
        if event.business_key in self.seen:
            return
        self.seen.add(event.business_key)
        decision = decide(PROJECT, self.lane, event, self.now)
        self.lane = decision.lane
        if isinstance(event, Refreshed):
            self.due = "" if event.ended.refresh_id == self.due else self.due
        elif not decision.lane.rollout.wanted:
            self.due = ""  # a rejection called it off
        for action in decision.actions:
            if isinstance(action, RefreshInference):
                self.wanted.append(action)
                self.due = action.refresh_id
            elif isinstance(action, ReturnToPending) and action.arn in self.packages:
                package = self.packages[action.arn]
                assert package.lacks_review or package.approval != "Approved"
                self._change(action.arn, approval="PendingManualApproval")

    def _change(self, arn: str, **changes: Any) -> None:
        self.now += 60
        self.packages[arn] = self.packages[arn]._replace(modified=self.now, **changes)

    def _newest(self, other_than: str) -> str | None:
        approved = [p for p in self.packages.values() if p.approval == "Approved"]
        arns = [p.arn for p in approved if p.arn != other_than]
        return arns[-1] if arns else None

    @precondition(lambda self: len(self.packages) < 3)
    @rule(kind=st.sampled_from(["training", "training", "training-hpo"]))
    def a_version_is_registered(self, kind: str) -> None:
        self.now += 60
        self.versions += 1
        version = self.versions
        arn = f"arn:package/{version}"
        self.packages[arn] = ModelPackage(
            arn, PROJECT.model_package_group, version, "PendingManualApproval", self.now,
            self.now, "ada", "", {"kind": kind},
        )  # fmt: skip

    @precondition(lambda self: self.packages)
    @rule(
        data=st.data(),
        approval=st.sampled_from(["Approved", "Approved", "Rejected"]),
        told=st.sampled_from([True, True, False]),
    )
    def somebody_reviews(self, data: st.DataObject, approval: str, told: bool) -> None:
        arn = data.draw(st.sampled_from(sorted(self.packages)))
        self._change(arn, approval=approval)
        if told:
            self._told(arn)

    @precondition(lambda self: self.packages)
    @rule(data=st.data())
    def the_boards_reference_is_added(self, data: st.DataObject) -> None:
        arn = data.draw(st.sampled_from(sorted(self.packages)))
        metadata = {**self.packages[arn].metadata, "review_board_reference": "board 12"}
        self._change(arn, metadata=metadata)

    @precondition(lambda self: self.packages)
    @rule(data=st.data())
    def a_version_is_told(self, data: st.DataObject) -> None:
        """Late, again, or by reconcile."""
        self._told(data.draw(st.sampled_from(sorted(self.packages))))

    def _told(self, arn: str) -> None:
        package = self.packages[arn]  # what it is now, the registry says
        back = self._newest(package.arn) if package.approval == "Rejected" else None
        self._take(PackageReviewed(package, back, self.now))

    @precondition(lambda self: self.wanted)
    @rule(succeeds=st.booleans())
    def ci_is_asked(self, succeeds: bool) -> None:
        """What `refresh` does: reads the lane and the registry again, then triggers."""
        action = self.wanted.pop(0)
        if self.lane.rollout.refresh_id != action.refresh_id:
            assert action.refresh_id != self.due, "the refresh that is wanted was called off"
            return
        package = self.packages.get(action.arn)
        if package is None or package.approval != "Approved" or package.lacks_review:
            self._end(action, 0, False)
            return
        self.numbers += 1
        assert action.refresh_id not in {running.refresh_id for _, running, _ in self.ci}
        self.ci.append((self.numbers, action, succeeds))

    @precondition(lambda self: self.lane.rollout.wanted in self.packages)
    @rule()
    def an_approval_is_withdrawn_and_given_again(self) -> None:
        """While its refresh is under way, which then is not the one that is wanted."""
        arn = self.lane.rollout.wanted
        assert arn is not None
        for approval in ("Rejected", "Approved"):
            self._change(arn, approval=approval)
            self._told(arn)

    @precondition(lambda self: self.ci)
    @rule()
    def ci_ends(self) -> None:
        number, action, succeeds = self.ci.pop(0)
        if succeeds:
            self.holds = action.arn
        self._end(action, number, succeeds)

    @precondition(lambda self: self.packages)
    @rule(data=st.data())
    def a_version_is_approved_and_put_there_unheard(self, data: st.DataObject) -> None:
        """The usual path in one step, so that walks get far; only the end is not reported yet."""
        arn = data.draw(st.sampled_from(sorted(self.packages)))
        metadata = {**self.packages[arn].metadata, "review_board_reference": "board 11"}
        self._change(arn, approval="Approved", metadata=metadata)
        self._told(arn)
        while self.wanted:
            self.ci_is_asked(True)
        while self.ci:
            self.ci_ends()

    def _end(self, action: RefreshInference, number: int, succeeded: bool) -> None:
        self.ended.append(
            RefreshEnded(
                action.group, action.arn, action.refresh_id, succeeded, "page", self.now, number
            )
        )

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def an_end_is_told(self, data: st.DataObject) -> None:
        """In any order."""
        ended = self.ended.pop(data.draw(st.integers(0, len(self.ended) - 1)))
        package = self.packages.get(ended.arn)
        approved = package is not None and package.approval == "Approved"
        self._take(Refreshed(ended, approved, None if approved else self._newest(ended.arn)))

    @precondition(lambda self: len(self.packages) > 2)
    @rule(data=st.data())
    def a_version_is_deleted(self, data: st.DataObject) -> None:
        del self.packages[data.draw(st.sampled_from(sorted(self.packages)))]

    @invariant()
    def the_ledger_says_what_ci_put_there_once_all_is_told(self) -> None:
        if hasattr(self, "ci") and not self.ended:
            assert self.lane.rollout.live == self.holds

    @invariant()
    def a_refresh_under_way_has_a_driver_or_an_end_to_come(self) -> None:
        refresh_id = getattr(self, "lane", Lane("")).rollout.refresh_id
        if refresh_id:
            on_its_way = [action.refresh_id for action in self.wanted]
            on_its_way += [action.refresh_id for _, action, _ in self.ci]
            on_its_way += [ended.refresh_id for ended in self.ended]
            assert refresh_id in on_its_way
