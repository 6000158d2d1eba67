"""Executions of pipelines: started, stopped, described, listed, and updated by the engine."""

from __future__ import annotations

from functools import partial
from typing import Any

from local_cloud.sagemaker.core import events, paging
from local_cloud.sagemaker.core.errors import invalid, missing
from local_cloud.sagemaker.core.operations import Call, new_id, operation, parsed_json
from local_cloud.sagemaker.core.validation import checked_shape
from local_cloud.sagemaker.host import Execution
from local_cloud.sagemaker.resources import definition, pipelines

Request = dict[str, Any]
FINAL = ("Stopped", "Failed", "Succeeded")
REASON_LENGTH = 1300
STEP_REASON_LENGTH = 1024
NOT_EMULATED = ("SelectiveExecutionConfig", "MlflowExperimentName")


def find(call: Call, arn: str) -> dict[str, Any]:
    """The execution's row. The pipeline's name in the ARN may be in any case."""
    row = call.table("executions").get(arn.rpartition("/")[2])
    if row is None or row["told"]["PipelineExecutionArn"].lower() != arn.lower():
        raise missing(f"Pipeline execution with ARN {arn} does not exist.")
    return dict(row) | {"told": dict(row["told"])}


@operation("StartPipelineExecution")
def start(call: Call, request: Request) -> Request:
    """A new execution of the pipeline as it is now, handed to the engine."""
    for member in NOT_EMULATED:
        if member in request:
            raise invalid(f"{member} is not part of the laptop cloud; leave it out")
    pipeline = pipelines.find(call, request["PipelineName"])
    if request.get("PipelineVersionId", pipeline["version"]) != pipeline["version"]:
        raise missing(f"Pipeline version {request['PipelineVersionId']} does not exist.")
    document = definition.parsed(pipeline["PipelineDefinition"])
    given = request.get("PipelineParameters", [])
    definition.check_parameters(document, given)
    execution_id = new_id()
    arn = f"{pipeline['PipelineArn']}/execution/{execution_id}"
    parallelism = request.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration"))
    told = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": arn,
        "PipelineExecutionDisplayName": request.get(
            "PipelineExecutionDisplayName", f"execution-{round(call.now.timestamp() * 1000)}"
        ),
        "PipelineExecutionStatus": "Executing",
        "CreationTime": call.now,
        "LastModifiedTime": call.now,
        "CreatedBy": call.user(),
        "LastModifiedBy": call.user(),
    }
    if "PipelineExecutionDescription" in request:
        told["PipelineExecutionDescription"] = request["PipelineExecutionDescription"]
    if parallelism:
        told["ParallelismConfiguration"] = parallelism
    call.table("executions")[execution_id] = {
        "told": told,
        "definition": pipeline["PipelineDefinition"],
        "parameters": given,
        "steps": [],
    }
    call.table("pipelines")[pipeline["PipelineName"]]["LastRunTime"] = call.now
    call.events.append(events.execution_status(told, None))
    execution = Execution(
        arn=arn,
        execution_id=execution_id,
        pipeline_arn=pipeline["PipelineArn"],
        pipeline_name=pipeline["PipelineName"],
        role_arn=pipeline["RoleArn"],
        definition=document,
        parameters={parameter["Name"]: parameter["Value"] for parameter in given},
        max_parallel_steps=parallelism["MaxParallelExecutionSteps"] if parallelism else 0,
        start_time=call.now,
        region=call.region,
        account_id=call.account_id,
    )
    call.afterwards.append(partial(call.engine.start, execution))
    return {"PipelineExecutionArn": arn}


@operation("StopPipelineExecution")
def stop(call: Call, request: Request) -> Request:
    """Have the engine stop; the execution is Stopping until it has."""
    row = find(call, request["PipelineExecutionArn"])
    told = row["told"]
    arn, status = told["PipelineExecutionArn"], told["PipelineExecutionStatus"]
    if status in FINAL:
        raise invalid(
            f"Pipeline execution with ARN {arn} is {status}. "
            "Only an execution that is Executing can be stopped."
        )
    if status == "Executing":
        _set_status(call, row, "Stopping", None)
        call.afterwards.append(partial(call.engine.stop, arn))
    return {"PipelineExecutionArn": arn}


@operation("UpdatePipelineExecution")
def update(call: Call, request: Request) -> Request:
    """Change the display name, the description or the parallelism."""
    row = find(call, request["PipelineExecutionArn"])
    told = row["told"] | {
        name: value for name, value in request.items() if name != "PipelineExecutionArn"
    }
    _keep(call, row, told | {"LastModifiedTime": call.now, "LastModifiedBy": call.user()})
    return {"PipelineExecutionArn": told["PipelineExecutionArn"]}


@operation("DescribePipelineExecution")
def describe(call: Call, request: Request) -> Request:
    """One execution's status and details."""
    told: Request = find(call, request["PipelineExecutionArn"])["told"]
    told.pop("EndTime", None)  # for events only; the API has no such member
    return told


@operation("ListPipelineExecutions")
def list_all(call: Call, request: Request) -> Request:
    """The executions of one pipeline, the newest first unless asked otherwise."""
    arn = pipelines.find(call, request["PipelineName"])["PipelineArn"]
    rows = [
        row["told"]
        for row in call.table("executions").values()
        if row["told"]["PipelineArn"] == arn
    ]
    rows = paging.within(
        rows, "CreationTime", request.get("CreatedAfter"), request.get("CreatedBefore")
    )
    by = request.get("SortBy", "CreationTime")
    rows = paging.ordered(rows, lambda row: row[by], request.get("SortOrder", "Descending"))
    chosen, token = paging.page(rows, request, lambda row: str(row["PipelineExecutionArn"]))
    return {"PipelineExecutionSummaries": [_summary(row) for row in chosen], **token}


@operation("ListPipelineExecutionSteps")
def list_steps(call: Call, request: Request) -> Request:
    """The steps started so far, the latest first unless asked otherwise."""
    if "PipelineExecutionArn" not in request:
        raise invalid("PipelineExecutionArn must be specified")
    steps = find(call, request["PipelineExecutionArn"])["steps"]
    rows = paging.ordered(
        steps,
        lambda step: step["StartTime"].timestamp() if "StartTime" in step else float("inf"),
        request.get("SortOrder", "Descending"),
    )
    chosen, token = paging.page(rows, request, lambda step: str(step["StepName"]))
    return {
        "PipelineExecutionSteps": [
            {name: value for name, value in step.items() if name != "StepType"} for step in chosen
        ],
        **token,
    }


@operation("ListPipelineParametersForExecution")
def list_parameters(call: Call, request: Request) -> Request:
    """The parameters the execution runs with: those given, and the defaults of the others."""
    row = find(call, request["PipelineExecutionArn"])
    given = {parameter["Name"]: parameter["Value"] for parameter in row["parameters"]}
    rows = [
        {"Name": declared["Name"], "Value": given.get(declared["Name"], _text(declared))}
        for declared in parsed_json(row["definition"]).get("Parameters", [])
    ]
    chosen, token = paging.page(rows, request, lambda parameter: str(parameter["Name"]))
    return {"PipelineParameters": chosen, **token}


@operation("DescribePipelineDefinitionForExecution")
def describe_definition(call: Call, request: Request) -> Request:
    """The definition that the execution started with."""
    row = find(call, request["PipelineExecutionArn"])
    return {"PipelineDefinition": row["definition"], "CreationTime": row["told"]["CreationTime"]}


def changed(call: Call, arn: str, status: str, reason: str | None) -> None:
    """Store an execution's status as reported by the engine; a final one never changes."""
    row = find(call, arn)
    current = row["told"]["PipelineExecutionStatus"]
    if current in FINAL and status != current:
        raise ValueError(f"{arn} is {current} and cannot become {status}")
    if current == "Stopping" and status == "Executing":
        return  # stopped before the engine had started it
    if current != status:
        _set_status(call, row, status, reason)


def step_changed(call: Call, arn: str, step: Request) -> None:
    """Store a step as reported by the engine; a new status becomes an event."""
    row = find(call, arn)
    checked = checked_shape(
        "PipelineExecutionStep", {key: step[key] for key in step if key != "StepType"}
    )
    if "FailureReason" in checked:
        checked["FailureReason"] = checked["FailureReason"][:STEP_REASON_LENGTH]
    if step.get("StepType"):
        checked["StepType"] = step["StepType"]
    known = {kept["StepName"]: kept for kept in row["steps"]}
    before = known.get(checked["StepName"], {})
    checked = {"StepType": before["StepType"], **checked} if "StepType" in before else checked
    known[checked["StepName"]] = checked
    call.table("executions")[arn.rpartition("/")[2]] = row | {"steps": list(known.values())}
    if checked["StepStatus"] != before.get("StepStatus"):
        told = row["told"]
        call.events.append(
            events.step_status(
                told["PipelineArn"],
                told["PipelineExecutionArn"],
                checked,
                before.get("StepStatus"),
            )
        )


def interrupted(call: Call) -> None:
    """Fail the executions, and their steps, that a stop of the cloud cut off."""
    reason = "The laptop cloud was stopped."
    for row in list(call.table("executions").values()):
        arn = row["told"]["PipelineExecutionArn"]
        if row["told"]["PipelineExecutionStatus"] in FINAL:
            continue
        for step in row["steps"]:
            if step["StepStatus"] not in FINAL:
                end = {"StepStatus": "Failed", "FailureReason": reason, "EndTime": call.now}
                step_changed(call, arn, step | end)
        changed(call, arn, "Failed", reason)


def _set_status(call: Call, row: dict[str, Any], status: str, reason: str | None) -> None:
    previous = row["told"]["PipelineExecutionStatus"]
    told = row["told"] | {"PipelineExecutionStatus": status, "LastModifiedTime": call.now}
    if reason:
        told["FailureReason"] = reason[:REASON_LENGTH]
    if status in FINAL:
        told["EndTime"] = call.now
    _keep(call, row, told)
    call.events.append(events.execution_status(told, previous))


def _keep(call: Call, row: dict[str, Any], told: dict[str, Any]) -> None:
    key = told["PipelineExecutionArn"].rpartition("/")[2]
    call.table("executions")[key] = row | {"told": told}


def _summary(told: dict[str, Any]) -> dict[str, Any]:
    names = {
        "PipelineExecutionArn": "PipelineExecutionArn",
        "StartTime": "CreationTime",
        "PipelineExecutionStatus": "PipelineExecutionStatus",
        "PipelineExecutionDescription": "PipelineExecutionDescription",
        "PipelineExecutionDisplayName": "PipelineExecutionDisplayName",
        "PipelineExecutionFailureReason": "FailureReason",
    }
    return {name: told[source] for name, source in names.items() if source in told}


def _text(declared: dict[str, Any]) -> str:
    value = declared.get("DefaultValue", "")
    return str(value).lower() if isinstance(value, bool) else str(value)
