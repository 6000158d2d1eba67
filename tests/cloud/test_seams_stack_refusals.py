"""A stack fails with what the services refuse, as if it had asked them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_cloud.deploy.build import Builder, Toolchain
from local_cloud.deploy.stack import DeployError, Deployment
from tests.cloud.cloud_sample import Sample, eventually

MACHINE = "AWS::StepFunctions::StateMachine"
RULE = "AWS::Events::Rule"
ROLE = "arn:aws:iam::000000000000:role/anything"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:anything"
Deploy = Callable[..., None]


def task(resource: str) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": resource, "End": True}}}


def machine(definition: Any) -> dict[str, Any]:
    return {"Type": MACHINE, "Properties": {"RoleArn": ROLE, "Definition": definition}}


def rule(**properties: Any) -> dict[str, Any]:
    return {"Type": RULE, "Properties": properties}


@pytest.fixture
def deploy(sample: Sample, tmp_path: Path) -> Deploy:
    """Create or update a stack of one resource, `Thing`."""

    def run(name: str, resource: dict[str, Any]) -> None:
        template = tmp_path / "template.yaml"
        template.write_text(json.dumps({"Resources": {"Thing": resource}}))
        builder = Builder(tmp_path / "cache", Toolchain("pip", "python3"))
        Deployment(sample.session, builder, name).deploy(template, {})

    return run


SOUND = machine(task("arn:aws:states:::lambda:invoke"))
REFUSED = {
    "no-state": (machine(task("x") | {"StartAt": "B"}), "MISSING_TRANSITION_TARGET"),
    "partition": (machine(task("arn:aws-cn:states:::lambda:invoke")), "is not recognized"),
    "placeholder": (machine(task("arn:${Partition}:states:::sns:publish")), "is not recognized"),
    "no-pattern": (rule(State="DISABLED"), "EventPattern or ScheduleExpression"),
    "bad-rate": (rule(ScheduleExpression="rate(1 hours)"), "ScheduleExpression is not valid"),
    "bad-cron": (rule(ScheduleExpression="every day"), "ScheduleExpression is not valid"),
    "bad-pattern": (rule(EventPattern={"source": "text"}), "Event pattern is not valid"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_stack_with_what_a_service_refuses_is_not_created(deploy: Deploy, name: str) -> None:
    resource, why = REFUSED[name]
    with pytest.raises(DeployError, match=rf"Thing \({resource['Type']}\): .*{why}"):
        deploy(f"refused-{name}", resource)


def test_nor_is_it_updated(deploy: Deploy) -> None:
    deploy("refused-update", SOUND)
    with pytest.raises(DeployError, match=r"Thing \(.*\): .*is not recognized"):
        deploy("refused-update", REFUSED["partition"][0])


def test_a_state_machine_of_another_partition_is_refused_without_a_stack(sample: Sample) -> None:
    sfn = sample.client("stepfunctions")
    definition = json.dumps(task("arn:aws-us-gov:states:::sqs:sendMessage"))
    with pytest.raises(sfn.exceptions.InvalidDefinition, match="is not recognized"):
        sfn.create_state_machine(name="partition", roleArn=ROLE, definition=definition)


def test_a_rule_with_targets_that_are_not_the_templates_stays(
    deploy: Deploy, sample: Sample
) -> None:
    cloudformation, events = sample.client("cloudformation"), sample.client("events")
    name = "rule-with-targets"
    target = {"Id": "own", "Arn": QUEUE}
    deploy(name, rule(Name=name, EventPattern={"source": ["nobody"]}, Targets=[target]))
    events.put_targets(Rule=name, Targets=[{"Id": "foreign", "Arn": QUEUE}])

    def deleted(wanted: str) -> None:
        arn = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=name)
        eventually(
            lambda: (
                cloudformation.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == wanted
            )
        )

    deleted("DELETE_FAILED")
    events.remove_targets(Rule=name, Ids=["foreign"])
    deleted("DELETE_COMPLETE")
    assert name not in [found["Name"] for found in events.list_rules()["Rules"]]
