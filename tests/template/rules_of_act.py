"""Rules about the state machine `act`: whole, patient, and allowed what it calls, no more.

A rule takes the stack and returns complaints; each complaint names the state.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, ServiceModel
from headrace.domain.errors import HeadraceError, PermanentError, RetryableError

from tests.template.expanded_stack import Stack, named
from tests.template.rules_of_functions import LOG_DELIVERY, actions_of

State = dict[str, Any]

# Half a day: GitLab may be down for six hours, a quota be used up for longer.
PATIENCE = 12 * 3600
STATES = "arn:<AWS::Partition>:states"
INVOKE = f"{STATES}:::lambda:invoke"
# The optimised integrations that are used; they take the parameters of the API's operation.
OPTIMISED = {
    INVOKE: ("lambda", "Invoke"),
    f"{STATES}:::sqs:sendMessage": ("sqs", "SendMessage"),
    f"{STATES}:::sns:publish": ("sns", "Publish"),
}


def states_are_reachable(stack: Stack) -> list[str]:
    """Every state that is named exists, and every state can be come to."""
    machine = stack.machine()
    states, todo, seen = machine["States"], [machine["StartAt"]], set()
    found = []
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in states:
            todo += [leaves[key] for leaves, key in _ways_out(states[name])]
        else:
            found.append(f"{name}: is named as the next state, and is none")
    return found + [f"{name}: no state leads here" for name in states.keys() - seen]


def states_end_or_go_on(stack: Stack) -> list[str]:
    """A Choice without Default fails when none fits: each has one. The rest has a Next."""
    return [
        f"{name}: does not say what comes next"
        for name, state in stack.machine()["States"].items()
        if state["Type"] not in {"Succeed", "Fail"}
        and not {"Next", "Default", "End"} & state.keys()
    ]


def nothing_is_left_to_substitute(stack: Stack) -> list[str]:
    """The template provides each `${name}` of the definition, and no unused ones."""
    [machine] = stack.of("StepFunctions::StateMachine").values()
    used = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    given = machine.get("DefinitionSubstitutions", {}).keys()
    return [f"{name}: is used or given, and not both" for name in sorted(used ^ given)]


def logs_are_vended(stack: Stack) -> list[str]:
    """Other groups each lengthen the account's Logs resource policy, which is full at 5,120 bytes.

    Source: "Avoiding Amazon CloudWatch resource policy size limits" in Step Functions' guide.
    """
    found = []
    for name, machine in stack.of("StepFunctions::StateMachine").items():
        for destination in machine.get("LoggingConfiguration", {}).get("Destinations", []):
            group = named(destination["CloudWatchLogsLogGroup"]["LogGroupArn"])
            path = stack.properties[group].get("LogGroupName", "a generated name")
            if not path.startswith("/aws/vendedlogs/states/"):
                found.append(f"{name}: logs to {path}")
    return found


def tasks_retry(stack: Stack) -> list[str]:
    """Every call is tried again, each time later, whatever the error."""
    return [
        f"{name}: is not tried again after any error"
        for name, task in _tasks(stack)
        if not any(
            "States.ALL" in retry["ErrorEquals"]
            and retry.get("MaxAttempts", 3) > 1
            and retry.get("BackoffRate", 2) > 1
            for retry in task.get("Retry", [])
        )
    ]


def functions_are_retried_patiently(stack: Stack) -> list[str]:
    """A function's RetryableError, and Lambda's own trouble, are waited out."""
    errors = [*_names(RetryableError), "Lambda.TooManyRequestsException", "Lambda.ServiceException"]
    return [
        f"{name}: gives {error} up after {seconds:.0f} seconds"
        for name, task in _invocations(stack)
        for error in errors
        if (seconds := _patience(task, error)) < PATIENCE
    ]


def permanent_errors_are_not_retried(stack: Stack) -> list[str]:
    """Permanent errors are reported at once, without retries."""
    return [
        f"{name}: tries {error} again"
        for name, task in _invocations(stack)
        for error in _names(PermanentError)
        if _patience(task, error) > 0
    ]


def functions_that_give_up_are_caught(stack: Stack) -> list[str]:
    """A function's final failure is sent to the inbox, so that people are notified."""
    return [
        f"{name}: what it raises ends the execution, unheard"
        for name, task in _invocations(stack)
        if not any("States.ALL" in catch["ErrorEquals"] for catch in task.get("Catch", []))
    ]


def integrations_exist(stack: Stack) -> list[str]:
    """Every call is an operation in botocore's model, with its required members and no others."""
    found = []
    for name, task in _tasks(stack):
        operation = operation_of(task)
        if operation is None or operation.input_shape is None:
            found.append(f"{name}: no service has {task['Resource']}")
            continue
        given, shape = task.get("Arguments", {}).keys(), operation.input_shape
        lacks, unknown = set(shape.required_members) - given, given - shape.members.keys()
        found += [f"{name}: lacks {member}" for member in sorted(lacks)]
        found += [f"{name}: {operation.name} takes no {member}" for member in sorted(unknown)]
    return found


def act_may_do_what_it_does(stack: Stack) -> list[str]:
    """The role of `act` allows the operations of its tasks, on what they name, and no others."""
    [machine] = stack.of("StepFunctions::StateMachine").values()
    role = named(machine["RoleArn"])
    grants = stack.granted(role)
    granted = {action for statement in grants for action in statement.actions}
    needed, found = set(LOG_DELIVERY), []
    for name, task in _tasks(stack):
        operation = operation_of(task)
        if operation is None:
            continue  # integrations_exist says it
        needed |= actions_of(operation.service_model.service_name, xform_name(operation.name))
        function = task["Arguments"].get("FunctionName")
        if function and not any(function in statement.resources for statement in grants):
            found.append(f"{name}: {role} may not invoke {function}")
    found += [f"{role}: lacks {action}" for action in sorted(needed - granted)]
    return found + [f"{role}: allows {action} in vain" for action in sorted(granted - needed)]


def operation_of(task: State) -> OperationModel | None:
    """Return the API operation that a task calls, or None if there is none of that name.

    Step Functions wants an SDK's operation to begin with a small letter, and parameters as in the
    API's model.
    """
    resource = task["Resource"]
    service, operation = OPTIMISED.get(resource, ("", ""))
    if sdk := re.fullmatch(rf"{STATES}:::aws-sdk:([a-z0-9]+):([a-z]\w+)", resource):
        service, operation = sdk[1], sdk[2][0].upper() + sdk[2][1:]
    model = _model(service)
    known = model is not None and operation in model.operation_names
    return model.operation_model(operation) if model and known else None


@cache
def _model(service: str) -> ServiceModel | None:
    session = botocore.session.get_session()
    there = service in session.get_available_services()
    return session.get_service_model(service) if there else None


def _tasks(stack: Stack) -> Iterator[tuple[str, State]]:
    for name, state in stack.machine()["States"].items():
        if state["Type"] == "Task":
            yield name, state


def _invocations(stack: Stack) -> Iterator[tuple[str, State]]:
    return ((name, task) for name, task in _tasks(stack) if task["Resource"] == INVOKE)


def _ways_out(state: State) -> Iterator[tuple[State, str]]:
    for leaves in (state, *state.get("Choices", []), *state.get("Catch", [])):
        for key in ("Next", "Default"):
            if key in leaves:
                yield leaves, key


def _names(branch: type[HeadraceError]) -> list[str]:
    """Return what Lambda calls the errors of a branch: the names of the layer's classes."""
    ours = [sub for sub in branch.__subclasses__() if sub.__module__.startswith("headrace.")]
    return [branch.__name__, *(name for sub in ours for name in _names(sub))]


def _patience(task: State, error: str) -> float:
    """Return for how many seconds an error is retried; full jitter takes half of it on average."""
    for retry in task.get("Retry", []):
        if {error, "States.ALL"} & set(retry["ErrorEquals"]):
            wait, rate = retry.get("IntervalSeconds", 1), retry.get("BackoffRate", 2.0)
            longest = retry.get("MaxDelaySeconds", float("inf"))
            attempts = retry.get("MaxAttempts", 3)
            total = float(sum(min(wait * rate**n, longest) for n in range(attempts)))
            return total / 2 if retry.get("JitterStrategy") == "FULL" else total
    return 0.0
