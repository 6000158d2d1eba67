"""Whether events arrive: the bucket's notifications and EventBridge's rules."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from pipeline_specs.config.schedules import rule_name
from workbench.doctor.findings import Finding
from workbench.doctor.target import Target


def notifications(target: Target) -> Iterator[Finding]:
    """Check that S3 sends its events to EventBridge."""
    bucket = target.stack.output("DataBucketName")
    answer = target.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    answer.pop("ResponseMetadata", None)
    if "EventBridgeConfiguration" in answer:
        yield Finding("notifications", "ok", f"{bucket} sends its events to EventBridge")
        return
    # Put together: what is not named would be deleted.
    whole = json.dumps({**answer, "EventBridgeConfiguration": {}})
    put = ("s3api", "put-bucket-notification-configuration", "--bucket", bucket)
    seen = f"{bucket} sends no events to EventBridge, so that uploads start nothing"
    command = target.aws(*put, "--notification-configuration", whole)
    yield Finding("notifications", "error", seen, command)


def rules(target: Target) -> Iterator[Finding]:
    """Check that the stack's rules and the projects' schedules exist and are enabled."""
    expected = dict.fromkeys(target.stack.resources("AWS::Events::Rule").values(), target.sam())
    for one in target.upserted:
        name = one.project.name
        fix = target.headrace("pipelines", "upsert", name)
        expected |= {rule_name(name, schedule.kind): fix for schedule in one.schedules}
    wrong = False
    for name, fix in expected.items():
        state = _state(target.client("events"), name)
        if state.startswith("ENABLED"):
            continue
        wrong = True
        if state:
            command = target.aws("events", "enable-rule", "--name", name)
            yield Finding("rules", "error", f"the rule {name} is {state.lower()}", command)
        else:
            yield Finding("rules", "error", f"the rule {name} is not there", fix)
    if not wrong:
        yield Finding("rules", "ok", f"{len(expected)} rules are enabled")


def _state(events: Any, name: str) -> str:
    """Return a rule's state, or nothing if there is no such rule."""
    try:
        return str(events.describe_rule(Name=name)["State"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return ""
