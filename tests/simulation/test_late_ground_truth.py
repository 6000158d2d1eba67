"""Ground truth that comes after its scoring run began: one check of it, whatever goes wrong."""

from collections import Counter
from dataclasses import replace
from unittest import mock

import pytest
from headrace.use_cases import ground_truth

from tests.simulation.clock import HOUR, MINUTE
from tests.simulation.faults import Mix
from tests.simulation.invariants import examine
from tests.simulation.sagemaker import Fate, Run
from tests.simulation.stories import MISSED_THRESHOLD, QUIET, Story

SELDOM = replace(QUIET, name="late ground truth", reconcile_minutes=60.0)


def days_later(story: Story) -> None:
    """A file is scored; what came true of it is dropped hours later."""
    story.at(1, story.approved)
    story.at(20, story.drop, "scoring", "a.csv")
    story.at(240, story.drop, "ground-truth", "a.csv")


def told(mix: Mix, hours: float = 8, **fates: Fate) -> Story:
    named = {name.replace("_", "-"): fate for name, fate in fates.items()}
    story = Story(mix=mix, plot=days_later, fates=named)
    story.told(hours)
    return story


def checks(story: Story) -> list[Run]:
    runs = story.world.sagemaker.runs.values()
    return [run for run in runs if run.pipeline.endswith("model-quality")]


def outcome(story: Story) -> tuple[int, Counter[str], list[str]]:
    """Return runs, mails by kind and what was retuned: the same whatever went wrong."""
    report = examine(story)
    assert (report.duplicates, report.lost, report.problems) == (0, 0, [])
    # One that is sent again may say what changed meanwhile, such as the live version.
    kinds = Counter(
        kind for kind, _ in {(kind, subject) for kind, subject, _ in story.world.sns.published}
    )
    retuned = [cause.rsplit("/")[1] for _, cause in story.outcomes("retuning")]
    return report.starts, kinds, retuned


def test_late_ground_truth_is_one_check_with_the_consequences_of_any_other() -> None:
    def plot(story: Story) -> None:
        days_later(story)
        story.at(20, story.drop, "scoring", "größe +1.csv", "never known.csv")
        story.at(240, story.drop, "ground-truth", "größe +1.csv", "nobody's.csv")

    story = Story(mix=SELDOM, plot=plot, fates={"model-quality": MISSED_THRESHOLD})
    story.told(8)
    (check,) = checks(story)
    assert [key.rsplit("/", 1)[1] for key, _ in check.truths] == ["a.csv", "größe +1.csv"]
    assert len(story.outcomes("retuning")) == 1
    assert outcome(story)[0] == 3  # scoring, check, retuning


def test_a_check_that_crashes_is_reported_and_retunes_nothing() -> None:
    story = told(SELDOM, model_quality=Fate(HOUR, "Failed", ("ModelQuality", "Traceback: row 7")))
    starts, kinds, _ = outcome(story)
    assert (starts, kinds["run-failed"], story.outcomes("retuning")) == (2, 1, [])


def test_a_crash_around_any_effect_neither_doubles_nor_loses_a_check() -> None:
    def again(at_effect: tuple[int, str]) -> Story:
        story = Story(mix=SELDOM, plot=days_later, fates={"model-quality": MISSED_THRESHOLD})
        story.world.faults.at_effect = at_effect
        story.told(10)
        return story

    calm = again((0, ""))
    expected, effects = outcome(calm), calm.world.faults.effects
    assert effects > 40
    for number in range(1, effects + 1):
        for what in ("before", "after", "unanswered"):
            story = again((number, what))
            assert story.world.faults.made, f"effect {number} was never taken"
            assert outcome(story) == expected, (what, story.world.faults.made)


def test_reconcile_finds_a_check_whose_end_event_was_lost() -> None:
    silent = replace(QUIET, sagemaker_lost=1.0)
    story = told(silent, 12, model_quality=MISSED_THRESHOLD)
    assert len(checks(story)) == 1
    assert len(story.outcomes("retuning")) == 1
    assert outcome(story)[1]["threshold-missed"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_check_waits_for_its_scoring_run_however_long_that_takes(seed: int) -> None:
    def plot(story: Story) -> None:
        story.at(1, story.approved)
        story.at(20, story.drop, "scoring", "a.csv")
        story.at(60, story.drop, "ground-truth", "a.csv")
        story.at(100, story.drop, "ground-truth", "a.csv")  # corrected, before it was looked at

    repeated = replace(QUIET, duplicates=1.0, late=0.2, interleaved=0.05)
    story = Story(seed=seed, mix=repeated, plot=plot, fates={"inference": Fate(5 * HOUR, "Failed")})
    story.fates["inference"] = replace(MISSED_THRESHOLD, after=5 * HOUR)
    world = story.told(48)
    first, *_ = checks(story)
    (scoring,) = [run for run in world.sagemaker.runs.values() if run.objects]
    assert scoring.ended is not None
    assert 0 <= first.started - scoring.ended < 6 * MINUTE
    assert examine(story).problems == []


def test_corrected_ground_truth_is_checked_again() -> None:
    def plot(story: Story) -> None:
        days_later(story)
        story.at(400, story.drop, "ground-truth", "a.csv")

    story = Story(mix=SELDOM, plot=plot)
    story.told(12)
    assert [run.truths[0][1] for run in checks(story)] == ["t0", "t1"]
    assert examine(story).problems == []


def test_without_a_look_at_what_a_run_used_late_ground_truth_is_checked_twice() -> None:
    def plot(story: Story) -> None:
        story.at(1, story.approved)
        for n in range(20):
            story.at(20 + 90 * n, story.drop, "ground-truth", f"{n}.csv")
            story.at(20 + 90 * n, story.drop, "scoring", f"{n}.csv")

    def problems() -> list[str]:
        story = Story(mix=replace(QUIET, late=0.5), plot=plot)
        story.told(80)
        return examine(story).problems

    assert problems() == []
    with mock.patch.object(ground_truth, "_own_truth", lambda *_: set()):
        assert any("was judged 2 times" in problem for problem in problems())
