"""Whether the inference pipeline scores with the version that the ledger calls live."""

from typing import Any

from headrace.adapters import eventbridge
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker, Scoring
from headrace.domain.project import Project


def difference(
    ledger: Ledger, sagemaker: SageMaker, project: Project, now: float, grace: float
) -> dict[str, Any] | None:
    """Return the envelope of `Live Differs`, or None if all is as it should be.

    While a refresh is in progress, and for `grace` seconds after the pipeline was changed, the
    ledger may not have heard of it yet.
    """
    rollout = ledger.lane(project.pipelines.inference).rollout
    if rollout.live is None or rollout.refresh_id:
        return None
    version = sagemaker.version(rollout.live)
    if version is None:  # a message of its own
        return None
    there = sagemaker.scoring(project.pipelines.inference) or Scoring("", "", "", 0.0)
    same_artefact = version.artefact in ("", there.artefact)
    if now - there.changed <= grace or (there.version == rollout.live and same_artefact):
        return None
    detail = {
        "group": project.model_package_group,
        "arn": rollout.live,
        "artefact": version.artefact,
        "pipeline_arn": there.pipeline_arn,
        "found": there.version,
        "found_artefact": there.artefact,
        "changed": int(there.changed),
    }
    return eventbridge.own("Live Differs", detail, now)
