"""The state machine `act`, started once per action."""

from botocore.exceptions import BotoCoreError, ClientError

from headrace.adapters.client import client, from_aws


def start(state_machine_arn: str, name: str, action: str) -> None:
    """Start an execution named after its action; one of that name already there is enough."""
    states = client("stepfunctions")
    try:
        states.start_execution(stateMachineArn=state_machine_arn, name=name, input=action)
    except states.exceptions.ExecutionAlreadyExists:
        return
    except (ClientError, BotoCoreError) as error:
        raise from_aws(error, f"starting {name}") from error
