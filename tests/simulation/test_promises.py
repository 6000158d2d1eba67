"""The twelve promises, each with a test named after it, kept by the product's own code."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from checks.expand import expanded
from tests.simulation.clock import HOUR, MINUTE, START
from tests.simulation.faults import MIXES
from tests.simulation.invariants import examine
from tests.simulation.people import People
from tests.simulation.sagemaker import Fate
from tests.simulation.simulate import life
from tests.simulation.stories import MISSED_THRESHOLD, QUIET, Story, busy, governed, whole_loop
from tests.simulation.world import ROOT, World

LOOP = replace(QUIET, name="the whole loop", reconcile_minutes=60.0)


def mix_of(name: str) -> int:
    return next(number for number, mix in enumerate(MIXES) if mix.name.startswith(name))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_promise_01_one_start_per_drop_however_events_arrive(seed: int) -> None:
    report = life(seed, mix_of("events repeated"), 700)
    assert report.starts > 20
    assert (report.duplicates, report.lost, report.problems) == (0, 0, [])


def loop(
    at_effect: tuple[int, str] | None = None,
    at_end_of: str = "",
    plot: Callable[[Story], None] = whole_loop,
) -> Story:
    story = Story(mix=LOOP, fates={"inference": MISSED_THRESHOLD}, plot=plot)
    story.world.faults.at_effect, story.world.faults.at_end_of = at_effect, at_end_of
    story.told(8)
    return story


@dataclass(frozen=True)
class Outcome:
    """What is the same whatever went wrong: runs, what is live, mails by kind.

    `excused` mails may have gone out twice, since who sent them died before it could write it down.
    """

    runs: int
    live: dict[str, str]
    mails: Counter[str]
    excused: int

    def is_that_of(self, calm: "Outcome") -> bool:
        again = self.mails - calm.mails
        return (
            (self.runs, self.live) == (calm.runs, calm.live)
            and not calm.mails - self.mails
            and again.total() <= self.excused
        )


def outcome(story: Story) -> Outcome:
    world, report = story.world, examine(story)
    assert (report.duplicates, report.lost, report.problems) == (0, 0, [])
    mails = Counter(kind for kind, *_ in world.sns.published)
    return Outcome(report.starts, world.gitlab.inference, mails, world.excused)


@pytest.mark.parametrize(
    ("plot", "runs", "least"),
    [
        (whole_loop, 4, 50),  # two trainings, a scoring, a retuning
        (governed, 0, 40),
        (busy, 2, 20),
    ],
)
def test_promise_02_a_crash_around_any_effect_neither_doubles_nor_loses(
    plot: Callable[[Story], None], runs: int, least: int
) -> None:
    calm = loop(at_effect=(0, ""), plot=plot)
    expected = outcome(calm)
    assert expected.runs == runs
    effects = calm.world.faults.effects
    assert effects > least
    for number in range(1, effects + 1):
        for what in ("before", "after", "unanswered"):
            story = loop(at_effect=(number, what), plot=plot)
            assert story.world.faults.effects >= number, f"effect {number} was never taken"
            assert outcome(story).is_that_of(expected), (what, story.world.faults.made)


def test_promise_03_an_hour_of_throttling_delays_and_loses_nothing() -> None:
    def plot(story: Story) -> None:
        story.at(1, story.approved)
        story.at(65, story.approved)  # is looked up in the registry, which throttles
        for n in range(20):
            story.at(50 + 4 * n, story.drop, "training", f"t{n}.csv")
            story.at(50 + 4 * n, story.drop, "scoring", f"s{n}.csv")

    throttled = replace(QUIET, throttled=(1.0, 2.0))
    story = Story(mix=throttled, plot=plot, fates={"training": Fate(300.0, "Failed")})
    story.fates["inference"] = replace(MISSED_THRESHOLD, after=300.0)
    world = story.told(12)
    assert world.faults.made["sagemaker throttled"] > 10
    report = examine(story)
    assert (report.duplicates, report.lost, report.problems) == (0, 0, [])
    assert report.dead_letters == 0
    assert max(run.started for run in world.sagemaker.runs.values()) < START + 4 * HOUR
    told = "".join(text for _, _, text in world.sns.published)
    failed = [run.arn for run in world.sagemaker.runs.values() if run.status == "Failed"]
    assert len(failed) > 2
    assert [arn for arn in failed if arn not in told] == []


@pytest.mark.parametrize("seed", [2, 5])
def test_promise_04_dead_letters_of_fourteen_days_ago_start_nothing_twice(seed: int) -> None:
    died = replace(MIXES[mix_of("a fifth")], killed=0.4)
    people = People(seed, died, 400)
    people.live()
    report = examine(people)
    assert report.dead_letters > 0
    assert (report.duplicates, report.lost, report.problems) == (0, 0, [])


def test_promise_05_reconcile_finds_a_failure_whose_event_was_lost() -> None:
    silent = replace(QUIET, sagemaker_lost=1.0)
    story = Story(mix=silent, fates={"inference": MISSED_THRESHOLD}, plot=whole_loop)
    world = story.told(12)
    (failed,) = [run for run in world.sagemaker.runs.values() if run.failed]
    ((time, cause),) = story.outcomes("retuning")
    assert cause == f"model-quality/{failed.arn}"
    assert failed.ended is not None
    assert 0 < datetime.fromisoformat(time).timestamp() - failed.ended < 15 * MINUTE
    assert Counter(kind for kind, *_ in world.sns.published)["threshold-missed"] == 1
    assert [r.status for r in world.sagemaker.runs.values() if "hpo" in r.arn] == ["Succeeded"]


def test_promise_06_one_missed_threshold_is_one_retuning_and_a_failed_one_none() -> None:
    def plot(story: Story) -> None:
        whole_loop(story)
        story.at(300, story.drop, "scoring", "again.csv")  # within the cool-down

    repeated = replace(QUIET, duplicates=1.5, late=0.2)
    fates = {"inference": MISSED_THRESHOLD, "training-hpo": MISSED_THRESHOLD}
    story = Story(mix=repeated, fates=fates, plot=plot)
    world = story.told(48)
    assert len(story.outcomes("retuning")) == 1
    assert len(story.outcomes("retuning-declined")) == 1
    assert len([run for run in world.sagemaker.runs.values() if "hpo" in run.arn]) == 1
    assert outcome(story).mails["retune-declined"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_promise_07_one_approval_is_one_ci_pipeline_though_gitlab_is_down(seed: int) -> None:
    down = replace(
        QUIET,
        duplicates=1.0,
        late=0.2,
        unanswered=0.05,
        interleaved=0.05,
        gitlab_down=(0.0, 6.0),
    )
    story = Story(seed=seed, mix=down, plot=lambda story: story.at(5, story.approved))
    world = story.told(30)
    (pipeline,) = world.gitlab.pipelines
    assert START + 6 * HOUR <= pipeline.triggered < START + 7 * HOUR
    assert examine(story).problems == []


def test_promise_08_a_poison_message_leaves_its_mates_and_the_queue() -> None:
    poison = ("{", "[]", '{"source": "aws.s3", "detail-type": "Object Created"}')

    def plot(story: Story) -> None:
        story.at(20, story.drop, "training", "a.csv")
        for body in poison:
            story.at(20, story.world.inbox.send, body)
        story.at(20, story.drop, "training", "b.csv")

    story = Story(plot=plot)
    world = story.told(24)
    (run,) = world.sagemaker.runs.values()
    assert len(run.objects) == 2
    assert sorted(world.refused) == sorted(poison)  # at their first delivery, each once
    assert world.inbox.dead_letters == 0
    kinds = [kind for kind, *_ in world.sns.published]
    assert kinds.count("event-refused") == 3


@pytest.fixture(scope="module")
def template() -> dict[str, dict[str, Any]]:
    resources: dict[str, dict[str, Any]] = expanded()["Resources"]
    return resources


def of(template: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template.items()
        if resource["Type"] == f"AWS::{kind}"
    }


def test_promise_09_every_target_has_dead_letters_and_queues_hide_long_enough(
    template: dict[str, dict[str, Any]],
) -> None:
    def named(reference: dict[str, Any]) -> str:
        (value,) = reference.values()
        return str(value[0] if isinstance(value, list) else value)

    let_in: dict[str, set[str]] = {}
    for policy in of(template, "SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Principal"] != {"Service": "events.amazonaws.com"}:
                continue
            sources = {
                named(arn)
                for arn in statement["Condition"].get("ArnEquals", {}).get("aws:SourceArn", [])
            }
            let_in.setdefault(named(statement["Resource"]), set()).update(sources)
    rules = of(template, "Events::Rule")
    assert rules
    for rule, properties in rules.items():
        for target in properties["Targets"]:
            policy = target["RetryPolicy"]
            assert policy["MaximumEventAgeInSeconds"] and policy["MaximumRetryAttempts"], rule
            assert rule in let_in[named(target["DeadLetterConfig"]["Arn"])], rule
    mappings = of(template, "Lambda::EventSourceMapping")
    assert mappings
    for mapping in mappings.values():
        queue = template[named(mapping["EventSourceArn"])]["Properties"]
        function = template[named(mapping["FunctionName"])]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert queue["RedrivePolicy"]["deadLetterTargetArn"]


def test_promise_10_a_seed_replays_byte_for_byte() -> None:
    here = [life(7, mix, 150).trace for mix in (1, 8)]
    assert len(set(here)) == 2
    assert [life(7, mix, 150).trace for mix in (1, 8)] == here
    script = "from tests.simulation.simulate import life\n"
    script += "for mix in (1, 8): print(life(7, mix, 150).trace)"
    elsewhere = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f".:{ROOT / 'layers/headrace'}", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.split() == here


@pytest.mark.parametrize(
    "fate", ["rejected", "deleted", "returned-to-pending", "retuned, no board"]
)
def test_promise_11_a_version_changed_before_it_was_handled_is_not_refreshed(fate: str) -> None:
    def plot(story: Story) -> None:
        story.at(5, change, story.world)

    def change(world: World) -> None:
        group = world.projects[0].model_package_group
        kind = "training-hpo" if fate.startswith("retuned") else "training"
        arn = world.registry.register(group, kind, "")
        world.registry.change(arn, "Approved")
        if fate == "rejected":
            world.registry.change(arn, "Rejected")
        elif fate == "deleted":
            world.registry.delete(arn)
        elif fate == "returned-to-pending":
            world.registry.change(arn, "PendingManualApproval")

    story = Story(plot=plot, mix=replace(QUIET, duplicates=1.0, late=0.3))
    world = story.told(48)
    assert world.gitlab.pipelines == []
    (approval,) = {world.registry.approval(arn) for arn in world.sagemaker.packages} or {"Deleted"}
    assert approval != "Approved"


@pytest.mark.parametrize(
    "function", ["decide", "advance_run", "refresh_inference", "notify", "reconcile"]
)
def test_promise_12_what_was_killed_at_its_last_millisecond_succeeds_next_time(
    function: str,
) -> None:
    killed = loop(at_end_of=function)
    assert killed.world.faults.made == {f"killed at the end of {function}": 1}
    assert outcome(killed).is_that_of(outcome(loop()))
