"""Puts back into the inbox what no event told, so that there is one way to act.

SageMaker's events are best effort, and anything may crash between two writes. What should have
happened can be read from the ledger and from SageMaker: a decided action that nobody took, a run
that ended unheard, a request that nothing drives.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from headrace import runs
from headrace.events import SOURCE
from headrace.inbox import Inbox
from headrace.lanes import Lane

# Seconds after which a claim without a run, or a quiet drop without one, counts as forgotten.
FORGOTTEN = 600.0


def reconcile(inbox: Inbox, put: Callable[[dict[str, Any]], None]) -> int:
    """Look at every project once; return how many events were put back.

    `put` sends an envelope to the inbox. Actions that were decided and not handed over are handed
    over at once: their names make that safe.
    """
    inbox.hand_over_rest()
    now, count = inbox.now(), 0
    for project in inbox.ledger.projects():
        pipelines = project.pipelines
        for name in (pipelines.training, pipelines.training_hpo, pipelines.inference):
            envelope = _missing(name, inbox.ledger.lane(name), now)
            if envelope is not None:
                put(envelope)
                count += 1
    return count


def _missing(pipeline: str, lane: Lane, now: float) -> dict[str, Any] | None:
    """Return the event that should have come for a lane, if one is missing."""
    run, waiting = lane.current, lane.waiting
    if run is not None and run.execution_arn:
        ended = runs.ended_as(run.execution_arn)
        return _run_ended(run.execution_arn, *ended, now) if ended else None
    if run is not None and now - run.claimed_at > FORGOTTEN:
        return _lane_due(pipeline, run.request_id, now)
    if run is None and waiting is not None and now - waiting.quiet_at > FORGOTTEN:
        return _lane_due(pipeline, waiting.id, now)
    return None


def _lane_due(pipeline: str, request_id: str, now: float) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "detail-type": "Lane Due",
        "time": _iso(now),
        "detail": {"pipeline": pipeline, "request_id": request_id},
    }


def _run_ended(execution_arn: str, status: str, display_name: str, now: float) -> dict[str, Any]:
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
        "time": _iso(now),
        "detail": {
            "pipelineArn": execution_arn.rsplit("/execution/", 1)[0],
            "pipelineExecutionArn": execution_arn,
            "currentPipelineExecutionStatus": status,
            "pipelineExecutionDisplayName": display_name,
        },
    }


def _iso(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat()
