"""Processing steps, and the processing job that other steps use as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local_cloud.sagemaker.engine.context import JobRecord, StepContext, StepResult, now
from local_cloud.sagemaker.engine.errors import StepFailed, Stopped, as_step_failed
from local_cloud.sagemaker.engine.images import processing_command
from local_cloud.sagemaker.engine.requests import job_name, prepare
from local_cloud.sagemaker.engine.s3_data import JobStorage, S3Source
from local_cloud.sagemaker.engine.sandbox import Outcome, Sandbox

LOG_GROUP = "ProcessingJobs"
CHARACTERS_OF_AN_EXIT_MESSAGE = 1024


def run_processing_step(step: StepContext) -> StepResult:
    """Run the step's job; its properties are what DescribeProcessingJob shows."""
    name = job_name(step.execution.execution_id, step.name)
    arguments = {**step.arguments, "ProcessingJobName": name}
    record = run_processing_job(step, prepare("CreateProcessingJob", arguments))
    metadata = {"ProcessingJob": {"Arn": record["ProcessingJobArn"]}}
    return StepResult(record, metadata, _property_files(step, record))


def run_processing_job(
    step: StepContext, request: dict[str, Any], metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Run one job to its end and return its record; `metadata` is the step's view of it."""
    name = request["ProcessingJobName"]
    arn = step.arn(f"processing-job/{name}")
    step.creates_job("ProcessingJob", request)
    members = {k: v for k, v in request.items() if k != "Tags"}
    job = JobRecord(step.host, "ProcessingJob", {**members, "ProcessingJobArn": arn})
    network = request.get("NetworkConfig", {})
    isolated = bool(network.get("EnableNetworkIsolation"))
    sandbox = step.sandbox(
        name, LOG_GROUP, role_arn=request["RoleArn"], job_arn=arn, network=not isolated
    )
    job.change(ProcessingJobStatus="InProgress")
    step.executing(metadata or {"ProcessingJob": {"Arn": arn}})
    try:
        outcome = _run(step, request, arn, job, sandbox)
        message = _message(sandbox)
        job.record.update({"ExitMessage": message} if message else {})
        _check(outcome, request)
    except Stopped:
        job.change(ProcessingJobStatus="Stopping")
        job.change(ProcessingJobStatus="Stopped", ProcessingEndTime=now())
        step.authorize("StopProcessingJob", request)
        raise
    except Exception as error:  # whatever it was, the job must not stay open
        failure = as_step_failed(error)
        job.change(
            ProcessingJobStatus="Failed", FailureReason=failure.reason, ProcessingEndTime=now()
        )
        raise failure.of_a_job() from error
    finally:
        sandbox.remove()
    job.change(ProcessingJobStatus="Completed", ProcessingEndTime=now())
    return job.record


def _run(
    step: StepContext, request: dict[str, Any], arn: str, job: JobRecord, sandbox: Sandbox
) -> Outcome:
    storage = step.storage(request["RoleArn"], arn)
    specification = request["AppSpecification"]
    command = processing_command(
        specification["ImageUri"],
        specification.get("ContainerEntrypoint", []),
        specification.get("ContainerArguments", []),
        step.site.jobs_python,
    )
    for source in request.get("ProcessingInputs", []):
        _download(source, storage, sandbox)
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for output in outputs:
        _place(sandbox, output["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    _write_configuration(sandbox, request, arn)
    sandbox.environment |= request.get("Environment", {})
    job.change(ProcessingStartTime=now())
    limit = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    outcome = sandbox.run(command, max_seconds=limit)
    for output in outputs:
        target = output["S3Output"]
        if outcome.exit_code == 0 or target.get("S3UploadMode") == "Continuous":
            storage.upload(_place(sandbox, target["LocalPath"]), target["S3Uri"])
    return outcome


def _download(source: dict[str, Any], storage: JobStorage, sandbox: Sandbox) -> None:
    if "S3Input" not in source:
        raise StepFailed(
            f"ClientError: Input {source['InputName']} is no S3Input; DatasetDefinition inputs "
            "are not supported here"
        )
    where = source["S3Input"]
    storage.download(
        S3Source(
            uri=where["S3Uri"],
            kind=where.get("S3DataType", "S3Prefix"),
            gunzip=where.get("S3CompressionType") == "Gzip",
        ),
        _place(sandbox, where["LocalPath"]),
    )


def _place(sandbox: Sandbox, local_path: str) -> Path:
    try:
        return sandbox.path(local_path)
    except ValueError as error:
        raise StepFailed(
            f"ClientError: LocalPath {local_path} must lie below /opt/ml/processing"
        ) from error


def _write_configuration(sandbox: Sandbox, request: dict[str, Any], arn: str) -> None:
    config = sandbox.path("/opt/ml/config")
    config.mkdir(parents=True)
    described = {k: v for k, v in request.items() if k not in ("Tags", "ExperimentConfig")}
    (config / "processingjobconfig.json").write_text(
        json.dumps({"ProcessingJobArn": arn, **described}), "utf-8"
    )
    (config / "resourceconfig.json").write_text(
        json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}), "utf-8"
    )
    sandbox.environment["ProcessingJobArn"] = arn


def _message(sandbox: Sandbox) -> str:
    path = sandbox.path("/opt/ml/output/message")
    if not path.is_file():
        return ""
    return path.read_text("utf-8", "replace").strip()[:CHARACTERS_OF_AN_EXIT_MESSAGE]


def _check(outcome: Outcome, request: dict[str, Any]) -> None:
    if outcome.timed_out:
        seconds = request["StoppingCondition"]["MaxRuntimeInSeconds"]
        raise StepFailed(
            f"ClientError: The job ran longer than its MaxRuntimeInSeconds of {seconds}"
        )
    if outcome.exit_code != 0:
        raise StepFailed("AlgorithmError: See job logs for more information")


def _property_files(step: StepContext, record: dict[str, Any]) -> dict[str, str]:
    outputs = {
        output["OutputName"]: output["S3Output"]["S3Uri"]
        for output in record.get("ProcessingOutputConfig", {}).get("Outputs", [])
    }
    files = {}
    for file in step.document.get("PropertyFiles") or []:
        if file["OutputName"] not in outputs:
            raise StepFailed(
                f"ClientError: Property file {file['PropertyFileName']} refers to output "
                f"{file['OutputName']}, which step {step.name} has not"
            )
        base = outputs[file["OutputName"]].rstrip("/")
        files[file["PropertyFileName"]] = f"{base}/{file['FilePath']}"
    return files
