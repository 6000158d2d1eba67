"""Requests that AWS refuses and MiniStack takes, and one that AWS takes and MiniStack refuses.

Each is a conformance fact as well (`tests/conformance/facts`), with its source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import eventbridge, s3, stepfunctions
from ministack.services.cloudformation import provisioners

from local_cloud.ministack import seams

PARTITION = "aws"  # of the laptop cloud's only region
_KMS = "x-amz-server-side-encryption-aws-kms-key-id"
_RATE = re.compile(r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)")
_STATE_TYPES = {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}


def event_error(entry: dict[str, Any]) -> dict[str, str] | None:
    """Return why EventBridge fails an entry of PutEvents, or None."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    if not isinstance(_json(entry["Detail"]), dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def rule_error(rule: dict[str, Any]) -> str | None:
    """Return why PutRule refuses a rule, or None."""
    schedule = rule.get("ScheduleExpression") or ""
    if not schedule and not rule.get("EventPattern"):
        return "Parameter(s) EventPattern or ScheduleExpression must be specified."
    if schedule.startswith("rate(") and not _RATE.fullmatch(schedule):
        return "Parameter ScheduleExpression is not valid."
    return None


def definition_error(definition: Any) -> str | None:
    """Return why a state machine's definition is refused, or None: what every state must have."""
    machine = _json(definition)
    if not isinstance(machine, dict):
        return "INVALID_JSON_DESCRIPTION: the definition is no JSON object"
    return _machine_error(machine, "")


def _machine_error(machine: dict[str, Any], path: str) -> str | None:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        return f"SCHEMA_VALIDATION_FAILED: The field 'States' is required at {path or '/'}"
    if machine.get("StartAt") not in states:
        return f"MISSING_TRANSITION_TARGET: Missing 'Next' target at {path}/StartAt"
    for name, state in states.items():
        where = f"{path}/States/{name}"
        if not isinstance(state, dict) or state.get("Type") not in _STATE_TYPES:
            return f"SCHEMA_VALIDATION_FAILED: The field 'Type' is not valid at {where}"
        resource = str(state.get("Resource", ""))
        if state["Type"] == "Task" and not resource.startswith(f"arn:{PARTITION}:"):
            return (
                f"SCHEMA_VALIDATION_FAILED: The resource provided {resource} is not recognized. "
                "The value is not a valid resource ARN, or the resource is not available in this "
                f"region. at {where}/Resource"
            )
        leaves = [state, *state.get("Choices", []), *state.get("Catch", [])]
        targets = [leaf[key] for leaf in leaves for key in ("Next", "Default") if key in leaf]
        if any(target not in states for target in targets):
            return f"MISSING_TRANSITION_TARGET: Missing 'Next' target at {where}"
        ends = state["Type"] in ("Succeed", "Fail") or state.get("End") is True or targets
        if not ends:
            return f"SCHEMA_VALIDATION_FAILED: 'Next' or 'End' is required at {where}"
        for inner in (*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])):
            if error := _machine_error(inner, where):
                return error
    return None


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def install() -> None:
    """Put the refusals before MiniStack's own functions."""
    _events()
    _state_machines()
    _objects()
    _stacks()


def _events() -> None:
    def put_events(data: dict[str, Any], allow_aws_source: bool = False) -> Any:
        entries = data.get("Entries", [])
        errors = [event_error(entry) for entry in entries]
        if not any(errors):
            return put(data, allow_aws_source)
        good = [e for e, error in zip(entries, errors, strict=True) if error is None]
        status, headers, body = put({**data, "Entries": good}, allow_aws_source)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        taken = iter(answer["Entries"])
        answer["Entries"] = [error or next(taken) for error in errors]
        answer["FailedEntryCount"] += sum(error is not None for error in errors)
        return status, headers, json.dumps(answer).encode()

    def put_rule(data: dict[str, Any]) -> Any:
        error = rule_error(data)
        return error_response_json("ValidationException", error) if error else rule(data)

    def delete_rule(data: dict[str, Any]) -> Any:
        key = eventbridge._rule_key(data.get("Name"), data.get("EventBusName", "default"))
        if eventbridge._targets.get(key):
            why = "Rule can't be deleted since it has targets."
            return error_response_json("ValidationException", why)
        return delete(data)

    put = seams.replace(eventbridge, "_put_events", "data allow_aws_source", put_events)
    rule = seams.replace(eventbridge, "_put_rule", "data", put_rule)
    delete = seams.replace(eventbridge, "_delete_rule", "data", delete_rule)


def _state_machines() -> None:
    def invalid(definition_str: Any) -> str | None:
        error = definition_error(definition_str) or jsonata_error(definition_str)
        return f"Invalid State Machine Definition: '{error}'" if error else None

    def start(data: dict[str, Any]) -> Any:
        if not _is_json(data.get("input", "{}")):
            why = "Invalid State Machine Execution Input: 'the input is no JSON'"
            return error_response_json("InvalidExecutionInput", why)
        return started(data)

    jsonata_error = seams.replace(
        stepfunctions, "_validate_definition_jsonata", "definition_str", invalid
    )
    started = seams.replace(stepfunctions, "_start_execution", "data", start)


def _objects() -> None:
    def encryption(headers: dict[str, str], bucket_name: str) -> Any:
        if headers.get("x-amz-server-side-encryption") == "aws:kms" and not headers.get(_KMS):
            key = f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"
            headers = {**headers, _KMS: key}
        return resolve(headers, bucket_name)

    resolve = seams.replace(s3, "_resolve_sse_write_headers", "headers bucket_name", encryption)


def _stacks() -> None:
    """Refuse in a stack what the services refuse: MiniStack's CloudFormation writes their tables.

    A rule that has targets besides the template's is not deleted: CloudFormation's own handler
    (aws-cloudformation-resource-providers-events, DeleteHandler) removes the template's only.
    """

    def machine(properties: dict[str, Any]) -> str | None:
        error = stepfunctions._validate_definition_jsonata(provisioners._sfn_definition(properties))
        return str(error) if error else None

    def rule(properties: dict[str, Any]) -> str | None:
        pattern, schedule = (
            properties.get(name) or "" for name in ("EventPattern", "ScheduleExpression")
        )
        text = json.dumps(pattern) if isinstance(pattern, dict) else pattern
        if error := rule_error({"EventPattern": text, "ScheduleExpression": schedule}):
            return error
        if schedule and not eventbridge._validate_schedule_expression(schedule):
            return "Parameter ScheduleExpression is not valid."
        reason = eventbridge._event_pattern_error(text)
        return f"Event pattern is not valid. Reason: {reason}" if reason else None

    def delete_rule(physical_id: str, properties: dict[str, Any]) -> None:
        bus = provisioners._eb_rule_bus_name(properties)
        own = {target["Id"] for target in properties.get("Targets") or []}
        present = eventbridge._targets.get(eventbridge._rule_key(physical_id, bus), [])
        if any(target["Id"] not in own for target in present):
            raise ValueError("Rule can't be deleted since it has targets.")
        deleted(physical_id, properties)

    _checked("AWS::StepFunctions::StateMachine", machine)
    _checked("AWS::Events::Rule", rule)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"]
    deleted = handlers["delete"]
    handlers["delete"] = delete_rule


def _checked(kind: str, error_of: Callable[[dict[str, Any]], str | None]) -> None:
    """Let the resource fail, when it is created or replaced, with what `error_of` returns."""

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        if error := error_of(properties):
            raise ValueError(error)
        return created(logical_id, properties, stack_name)

    def update(
        physical_id: str, old: Any, properties: dict[str, Any], *more: Any, **id_: Any
    ) -> Any:
        if error := error_of(properties):
            raise ValueError(error)
        return updated(physical_id, old, properties, *more, **id_)

    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS.get(kind, {})
    if not {"create", "update", "delete"} <= set(handlers):
        raise seams.SeamMovedError(f"MiniStack creates no {kind}; was {seams.VERSION}")
    created, updated = handlers["create"], handlers["update"]
    handlers.update(create=create, update=update)
