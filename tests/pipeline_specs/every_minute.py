"""A schedule that is there from the start of the session, since its clock needs a minute."""

from __future__ import annotations

from headrace.domain.project import Pipelines

from local_cloud.cloud import Cloud
from pipeline_specs.config.schedules import Schedule
from pipeline_specs.deploy.schedules import Rules

PIPELINES = Pipelines(
    "limpet-training", "limpet-training-hpo", "limpet-inference", "limpet-quality"
)
EVERY_MINUTE = Schedule("training", "rate(1 minute)")  # EventBridge has no shorter rate


def put(cloud: Cloud) -> None:
    outputs = cloud.info["outputs"]
    queues = outputs["MinutesQueueArn"], outputs["RuleDeadLettersArn"]
    rules = Rules(cloud.session().client("events"), *queues)
    assert list(rules.put("limpet", PIPELINES, (EVERY_MINUTE,)))
