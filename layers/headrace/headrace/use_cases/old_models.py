"""Deletes the models that scoring runs leave behind; SageMaker itself keeps them for ever."""

from collections.abc import Callable

from headrace.adapters.sagemaker import SageMaker

RUNS = 20  # of one project in an hour; each takes a call for its steps and one for its model


def delete_models(
    sagemaker: SageMaker,
    pipeline: str,
    since: float,
    before: float,
    warn: Callable[[str], object],
) -> float:
    """Delete the models of the runs that started between two times, the oldest first.

    Returns the start of the last run that was dealt with, in Unix seconds: the next call's `since`.
    A model is used by its own run's transform only, so a run that goes on, or is retried, and those
    after it wait until it has ended.
    """
    for run in sagemaker.started_between(pipeline, since, before, RUNS):
        if not run.ended:
            break
        for name in sagemaker.models_of(run.arn):
            if not sagemaker.delete_model(name):
                warn(f"the model {name} is gone, or does not bear the stack's tag; left alone")
        since = run.started
    return since
