"""Turns a request into a run: waits for quiet, claims the lane, starts the run.

Three things together ensure exactly one start: the claim in the ledger, a token and display name
derived from the request, and a search for that display name when the claim is not new. The token
alone is not enough, since SageMaker forgets it after an undocumented time; nor is the claim, which
looks the same after a crash before the start and after one behind it.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import CLOCKS_APART, SageMaker
from headrace.domain.actions import Audit, Decision, Notify
from headrace.domain.errors import Conflict, PermanentError, QuotaReached
from headrace.domain.events import digest, key_of_check, key_of_quota_wait
from headrace.domain.lane import Lane, Request, Run
from headrace.domain.project import PipelineKind, Project
from headrace.rules.scheduling import waits_for_model
from headrace.use_cases import ground_truth

_TRIES = 5
_LOOK_AGAIN = 300.0  # seconds until the next look whether a scoring run has ended
_QUOTA_WAITS = 60.0, 900.0  # the shortest and the longest wait for a quota, in seconds
_QUOTA_PATIENCE = 24 * 3600.0  # from the claim, in seconds


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapters that `advance` needs."""

    ledger: Ledger
    bucket: DataBucket
    sagemaker: SageMaker


class Advanced(NamedTuple):
    """What became of a request: wait until a time, in Unix seconds, or done, for a reason."""

    outcome: Literal["wait", "done"]
    reason: str | None = None
    until: float | None = None

    def document(self) -> dict[str, Any]:
        """Return what the state machine reads."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def advance(adapters: Adapters, pipeline: str, request_id: str, now: float) -> Advanced:
    """Start the run of a request, if its turn has come; return what the state machine does next.

    Raises RetryableError while SageMaker throttles, Conflict when the lane changes faster than it
    can be claimed, PermanentError when SageMaker refuses the run or a quota is used up for a day.
    """
    project = adapters.ledger.project_of("pipeline", pipeline.lower())
    if project is None:
        raise PermanentError(f"no project has a pipeline named {pipeline}")
    for _ in range(_TRIES):
        lane = adapters.ledger.lane(pipeline)
        run = lane.current
        if run is not None and run.request_id == request_id:
            return _claimed_before(adapters, project, lane, run, now)
        request = lane.waiting
        if request is None or request.id != request_id:
            return Advanced("done", "the request has been served")
        if run is not None:
            return Advanced("done", "waits for the run in progress")
        if waits_for_model(project, lane):
            return Advanced("done", "waits for a model to go live")
        if request.quiet_at is None or not request.complete:
            return Advanced("done", "waits for the rest of its drop")
        if now < request.quiet_at:
            return Advanced("wait", until=request.quiet_at)
        is_check = project.pipelines.kind_of(pipeline) is PipelineKind.MODEL_QUALITY
        claim = _check if is_check else _claim
        try:
            return claim(adapters, project, lane, request, now)
        except Conflict:
            continue
    raise Conflict(f"the lane of {pipeline} is too busy to be claimed")


def _claim(
    adapters: Adapters, project: Project, lane: Lane, request: Request, now: float
) -> Advanced:
    """Write the drop's manifest, take the lane for its run, and start it.

    The lane's version makes the manifest exact: an object that joins the drop after it was read
    changes the lane, so the claim fails and is retried.
    """
    given = _parameters(adapters, project, lane, request.id)
    run = _run(request, now, request.description, given)
    adapters.ledger.claim(lane, replace(lane, waiting=None, current=run))
    return _start(adapters, project, lane.pipeline, run, now)


def _check(
    adapters: Adapters, project: Project, lane: Lane, request: Request, now: float
) -> Advanced:
    """Claim the lane for a check of late ground truth, once its scoring runs have ended.

    Ground truth that those runs used themselves is left out; if none is left, nothing is started.
    """
    check = ground_truth.check_of(
        adapters.ledger, adapters.bucket, adapters.sagemaker, project, request.id
    )
    if check.waits_for:
        until = now + _LOOK_AGAIN  # not dispatched before
        adapters.ledger.claim(lane, lane.quiet_no_earlier(until))
        return Advanced("wait", until=until)
    run = None
    if check.judged:
        given = ground_truth.put_manifests(adapters.bucket, project, request.id, check)
        run = _run(request, now, check.description, given)
    decision = Decision(replace(lane, waiting=None, current=run), audit=check.left_out)
    adapters.ledger.commit(project, lane, decision, [key_of_check(request.id)], now)
    if run is None:
        return Advanced("done", "no ground truth is left to check")
    return _start(adapters, project, lane.pipeline, run, now)


def _run(request: Request, now: float, description: str, parameters: dict[str, str]) -> Run:
    return Run(
        request.id,
        now,
        description,
        driven_at=now,
        parameters=tuple(parameters.items()),
        requested_by=request.requested_by,
    )


def _claimed_before(
    adapters: Adapters, project: Project, lane: Lane, run: Run, now: float
) -> Advanced:
    if run.execution_arn:
        return Advanced("done", f"runs as {run.execution_arn}")
    name = _name(project, lane.pipeline)
    found = adapters.sagemaker.find(name, run.request_id or "", run.claimed_at - CLOCKS_APART)
    if found is None:
        return _start(adapters, project, lane.pipeline, run, now)
    return _started(adapters, lane.pipeline, run, found, now)


def _started(
    adapters: Adapters, pipeline: str, run: Run, execution_arn: str, now: float
) -> Advanced:
    """Record which execution holds the lane, unless the execution's own event already did."""
    lane = adapters.ledger.lane(pipeline)
    if lane.current == run:
        with suppress(Conflict):  # the other writer identified the run by its name
            started = replace(run, execution_arn=execution_arn)
            adapters.ledger.started(lane, replace(lane, current=started), started, now)
    return Advanced("done", f"runs as {execution_arn}")


def _start(adapters: Adapters, project: Project, pipeline: str, run: Run, now: float) -> Advanced:
    """Start a run that was claimed, with the same arguments every time."""
    try:
        execution_arn = adapters.sagemaker.start(
            {
                "PipelineName": _name(project, pipeline),
                "PipelineExecutionDisplayName": run.request_id,
                "PipelineExecutionDescription": run.description,
                "ClientRequestToken": digest(f"{pipeline} {run.request_id}"),
                "PipelineParameters": [{"Name": k, "Value": v} for k, v in run.parameters],
            }
        )
    except QuotaReached as error:
        return _wait_for_quota(adapters, project, pipeline, run, error, now)
    return _started(adapters, pipeline, run, execution_arn, now)


def _wait_for_quota(
    adapters: Adapters, project: Project, pipeline: str, run: Run, error: QuotaReached, now: float
) -> Advanced:
    """Keep the lane for a run while a quota is used up, and notify people the first time.

    The waits double, from a minute to a quarter of an hour. The lane says until when the run waits,
    so that reconcile does not take it for stalled. Raises PermanentError after a day.
    """
    from headrace.domain.quota import quota_in  # seldom needed: keeps the cold start short
    from headrace.notifications.quota_messages import run_waits_for_quota

    waited = now - run.claimed_at
    if waited >= _QUOTA_PATIENCE:
        raise PermanentError(f"a quota was used up for 24 hours: {error}")
    lane, key = adapters.ledger.lane(pipeline), key_of_quota_wait(run.request_id or "")
    if lane.current != run:
        raise Conflict(f"the lane of {pipeline} changed") from error
    until = now + min(max(waited, _QUOTA_WAITS[0]), _QUOTA_WAITS[1])
    kept = replace(lane, current=replace(run, driven_at=until))
    if adapters.ledger.seen([key]):
        adapters.ledger.claim(lane, kept)
        return Advanced("wait", str(error), until)
    message = run_waits_for_quota(
        project.name,
        pipeline,
        run.request_id or "",
        str(error),
        quota_in(str(error)),
        because=run.description,
        at=now,
        until=run.claimed_at + _QUOTA_PATIENCE,
    )
    audit = Audit(key, "sagemaker", "waits-for-quota", str(error), run.request_id)
    # The message goes from the outbox, at the next event or when reconcile runs.
    decision = Decision(kept, (Notify(message, key),), (audit,))
    adapters.ledger.commit(project, lane, decision, [key], now)
    return Advanced("wait", str(error), until)


def _parameters(
    adapters: Adapters, project: Project, lane: Lane, request_id: str
) -> dict[str, str]:
    """Write a run's manifests and return its parameters."""
    kind = project.pipelines.kind_of(lane.pipeline)
    if kind is PipelineKind.TRAINING_HPO:
        return _live_training_data(adapters, project)
    drop = adapters.ledger.drop(request_id)
    if not drop:
        return {}  # a schedule or a person: the pipeline's defaults take the whole folder
    scoring = kind is PipelineKind.INFERENCE
    folder = project.folder("scoring" if scoring else "training")
    files = list(dict.fromkeys(key.removeprefix(folder) for key, _ in drop))
    place = project.drop_folder(request_id)
    adapters.bucket.put_versions(f"{place}objects.json", drop)
    manifest = adapters.bucket.put_manifest(f"{place}manifest.json", folder, files)
    parameters = {"InputData": manifest, "InputDataType": "ManifestFile"}
    if scoring:
        parameters |= ground_truth.available_truth(adapters.bucket, project, request_id, files)
    return parameters


def _live_training_data(adapters: Adapters, project: Project) -> dict[str, str]:
    """A retuning searches on the data that the live model was trained on."""
    live = adapters.ledger.lane(project.pipelines.inference).rollout.live
    package = adapters.sagemaker.version(live) if live else None
    if package is None:
        return {}
    return {
        "InputData": package.need("training_data"),
        "InputDataType": package.need("training_data_type"),
    }


def _name(project: Project, pipeline: str) -> str:
    """Return the name of a lane's pipeline as it was created."""
    kind = project.pipelines.kind_of(pipeline)
    if kind is None:
        raise PermanentError(f"{project.name} has no pipeline named {pipeline}")
    return project.pipelines.name_of(kind)
