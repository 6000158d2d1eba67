"""Somebody changes an inference pipeline without Headrace, and people hear of it."""

from collections import Counter

from tests.simulation.stories import Story


def test_a_pipeline_that_a_person_changed_is_one_mail_however_often_reconcile_looks() -> None:
    def change() -> None:
        story.world.gitlab.inference["p0"] = "arn:aws:sagemaker:us-east-1:123456789012:a/other/7"

    def plot(story: Story) -> None:
        story.at(1, story.approved)
        story.at(120, change)

    story = Story(plot=plot)
    world = story.told(12)
    assert Counter(kind for kind, *_ in world.sns.published)["live-differs"] == 1
    (mail,) = [text for kind, _, text in world.sns.published if kind == "live-differs"]
    assert "a/other/7" in mail
    with world.running():
        live = world.ledger.lane("headrace-p0-inference").rollout.live
    assert f"headrace pipelines refresh p0 --model-package-arn {live}" in mail
    assert len(story.outcomes("live-differs")) == 1
