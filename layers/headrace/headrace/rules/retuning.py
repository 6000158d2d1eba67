"""Whether a missed threshold retunes the model."""

from dataclasses import replace

from headrace.domain.actions import Audit, Decision, Notify
from headrace.domain.cause import Cause
from headrace.domain.events import (
    ModelQualityFailed,
)
from headrace.domain.lane import Lane
from headrace.domain.project import Project
from headrace.notifications import run_messages
from headrace.rules.scheduling import opened

_HOUR = 3600.0


_WEEK = 7 * 24 * _HOUR


def model_quality_failed(
    project: Project, lane: Lane, event: ModelQualityFailed, now: float
) -> Decision:
    verdict = event.verdict
    if verdict is None or verdict.passed:
        reason = "the step crashed; only a missed threshold retunes"
        return Decision(lane, audit=(Audit(event.business_key, "sagemaker", "ignored", reason),))
    if declined := _why_not_retuned(project, lane, now):
        message = run_messages.retune_declined(
            project.name, event.execution_arn, verdict, declined, event.time
        )
        return Decision(
            lane,
            (Notify(message, event.business_key),),
            (Audit(event.business_key, "sagemaker", "retuning-declined", declined),),
        )
    cause = Cause("threshold", reference=event.execution_arn, note=str(verdict))
    lane, _ = lane.join(why="retune", key=event.business_key, now=now, quiet_at=now, cause=cause)
    lane = replace(lane, retuned_at=(now, *lane.retuned_at)[: project.retune.max_per_week])
    assert lane.waiting is not None  # noqa: S101 (join just made it)
    audit = Audit(
        event.business_key, "sagemaker", "retuning", str(cause), request_id=lane.waiting.id
    )
    return Decision(lane, opened(project, lane), (audit,))


def _why_not_retuned(project: Project, lane: Lane, now: float) -> str:
    policy = project.retune
    if not policy.max_per_week:
        return "retuning is disabled in this account; start it in the registry's account"
    if lane.current is not None or lane.waiting is not None:
        return "a retuning is already in progress"
    if lane.retuned_at:
        free_at = lane.retuned_at[0] + policy.cool_down_hours * _HOUR
        if now < free_at:
            return (
                f"the last one was {(now - lane.retuned_at[0]) / _HOUR:.1f} hours ago and the "
                f"project's cool-down is {policy.cool_down_hours:g} hours; the next may start in "
                f"{(free_at - now) / _HOUR:.1f} hours"
            )
    recent = [at for at in lane.retuned_at if now - at < _WEEK]
    if len(recent) >= policy.max_per_week:
        return (
            f"{len(recent)} retunings in a week are the most the project allows; the next may "
            f"start in {(min(recent, default=now) + _WEEK - now) / _HOUR:.1f} hours"
        )
    return ""
