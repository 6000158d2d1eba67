"""Step Functions: definitions and inputs that it refuses, and what a name starts."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact

API = "https://docs.aws.amazon.com/step-functions/latest/apireference"
WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3, "End": True}}}
NOWHERE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3, "Next": "Gone"}}}


def _create(account: Account, purpose: str, definition: Any) -> str:
    name = account.name(purpose)
    account.journal.add("state machine", name)
    arn: str = account.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=account.role(), tags=_tags(account)
    )["stateMachineArn"]
    return arn


def _tags(account: Account) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in account.tags]


@fact(
    "A definition that leads to a state that is not there is refused",
    f"{API}/API_CreateStateMachine.html",
    "refused: InvalidDefinition",
    creates="a role",
)
def state_machine_that_leads_nowhere(account: Account) -> str:
    return answer(lambda: _create(account, "nowhere", NOWHERE))


def _machine(account: Account) -> str:
    return account.once("waits", lambda: _create(account, "waits", WAITS))


@fact(
    "A task's resource must be of the region's partition",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
    "refused: InvalidDefinition",
    creates="a role",
)
def state_machine_of_another_partition(account: Account) -> str:
    here = account.role().split(":")[1]
    resource = f"arn:{'aws-cn' if here != 'aws-cn' else 'aws'}:states:::sqs:sendMessage"
    state = {"Type": "Task", "Resource": resource, "End": True}
    return answer(
        lambda: _create(account, "partition", {"StartAt": "Send", "States": {"Send": state}})
    )


@fact(
    "An input that is no JSON is refused",
    f"{API}/API_StartExecution.html",
    "refused: InvalidExecutionInput",
    creates="a state machine, a role",
)
def execution_input_that_is_no_json(account: Account) -> str:
    machine, states = _machine(account), account.client("stepfunctions")
    return answer(lambda: states.start_execution(stateMachineArn=machine, input="not json"))


@fact(
    "The same name and input start one execution while it runs; afterwards the name is used up",
    f"{API}/API_StartExecution.html",
    "accepted, then refused: ExecutionAlreadyExists",
    creates="a state machine, a role",
)
def execution_name_is_used_once(account: Account) -> str:
    machine, states = _machine(account), account.client("stepfunctions")

    def start() -> str:
        return str(
            states.start_execution(stateMachineArn=machine, name="once", input="{}")["executionArn"]
        )

    arn = start()
    again = answer(start)

    def ended() -> bool | None:
        return states.describe_execution(executionArn=arn)["status"] != "RUNNING" or None

    account.wait(f"the end of {arn}", ended, 60)
    return f"{again}, then {answer(start)}"
