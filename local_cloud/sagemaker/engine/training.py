"""Training steps, and the training job that tuning steps use as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_cloud.sagemaker.engine import script_mode
from local_cloud.sagemaker.engine.archives import pack, unpack
from local_cloud.sagemaker.engine.context import JobRecord, StepContext, StepResult, now
from local_cloud.sagemaker.engine.errors import StepFailed, Stopped, as_step_failed
from local_cloud.sagemaker.engine.images import (
    check_script_mode,
    is_builtin_xgboost,
    training_command,
)
from local_cloud.sagemaker.engine.metrics import MetricReader, as_logged
from local_cloud.sagemaker.engine.requests import job_name, prepare
from local_cloud.sagemaker.engine.s3_data import JobStorage, S3Source, split_uri
from local_cloud.sagemaker.engine.sandbox import Outcome, Sandbox

LOG_GROUP = "TrainingJobs"
CHARACTERS_OF_A_REASON = 1024


def run_training_step(step: StepContext) -> StepResult:
    """Run the step's job; its properties are what DescribeTrainingJob shows."""
    name = job_name(step.execution.execution_id, step.name)
    request = prepare("CreateTrainingJob", {**step.arguments, "TrainingJobName": name})
    arn = step.arn(f"training-job/{name}")
    metadata = {"TrainingJob": {"Arn": arn}}
    step.creates_job("TrainingJob", request)
    step.executing(metadata)
    try:
        return StepResult(run_training_job(step, request), metadata)
    except Stopped:
        step.authorize("StopTrainingJob", request)
        raise


def run_training_job(
    step: StepContext,
    request: dict[str, Any],
    *,
    extra_record: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run one job to its end and return its record.

    `extra_record` are members only tuning sets; `environment` what the machine would set.
    """
    name = request["TrainingJobName"]
    members = {k: v for k, v in request.items() if k != "Tags"} | dict(extra_record or {})
    members["TrainingJobArn"] = step.arn(f"training-job/{name}")
    members["ModelArtifacts"] = {"S3ModelArtifacts": _artifacts(request)}  # reported from the start
    job = _TrainingJob(step, request, JobRecord(step.host, "TrainingJob", members))
    job.sandbox.environment |= dict(environment or {})
    try:
        job.run()
    except Stopped:
        job.enter("Stopping", status="Stopping")
        job.end("Stopped")
        raise
    except Exception as error:  # whatever it was, the job must not stay open
        failure = as_step_failed(error)
        job.end("Failed", FailureReason=failure.reason[:CHARACTERS_OF_A_REASON])
        raise failure.of_a_job() from error
    finally:
        job.sandbox.remove()
    job.end("Completed")
    return job.changes.record


def _artifacts(request: Mapping[str, Any]) -> str:
    output = request["OutputDataConfig"]
    base = f"{output['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output"
    return f"{base}/model/" if output.get("CompressionType") == "NONE" else f"{base}/model.tar.gz"


class _TrainingJob:
    """The phases of one training job."""

    def __init__(self, step: StepContext, request: dict[str, Any], changes: JobRecord) -> None:
        self.step, self.request, self.changes = step, request, changes
        self.name: str = request["TrainingJobName"]
        self.arn = step.arn(f"training-job/{self.name}")
        self.hyperparameters: dict[str, str] = request.get("HyperParameters", {})
        specification = request["AlgorithmSpecification"]
        self.image: str = specification.get("TrainingImage", "")
        self.metrics = MetricReader(
            specification.get("MetricDefinitions", []), xgboost=is_builtin_xgboost(self.image)
        )
        isolated = bool(request.get("EnableNetworkIsolation"))
        self.sandbox: Sandbox = step.sandbox(
            self.name,
            LOG_GROUP,
            role_arn=request["RoleArn"],
            job_arn=self.arn,
            network=not isolated,
        )
        log = self.sandbox.on_lines

        def read_and_log(lines: list[str]) -> None:
            logged = [as_logged(line) for line in lines]
            self.metrics.read(logged)
            log(logged)

        self.sandbox.on_lines = read_and_log

    def run(self) -> None:
        """Download, train, upload."""
        self.enter("Starting")
        storage = self.step.storage(self.request["RoleArn"], self.arn)
        command, directory = self._command(storage)
        self.enter("Downloading", TrainingStartTime=now())
        for channel in self.request.get("InputDataConfig", []):
            self._download(channel, storage)
        self._write_configuration()
        self.sandbox.environment |= self.request.get("Environment", {})
        self.enter("Training")
        limit = self.request["StoppingCondition"].get("MaxRuntimeInSeconds")
        outcome = self.sandbox.run(command, cwd=directory, max_seconds=limit)
        self.changes.record["FinalMetricDataList"] = self.metrics.final()
        if outcome.timed_out:
            raise StepFailed(
                f"ClientError: The job ran longer than its MaxRuntimeInSeconds of {limit}"
            )
        if outcome.exit_code != 0:
            raise self._failure(outcome)
        self.enter("Uploading")
        self._upload(storage)

    def enter(self, phase: str, status: str = "InProgress", **members: Any) -> None:
        """Go into a secondary status."""
        time = now()
        transitions = self.changes.record.setdefault("SecondaryStatusTransitions", [])
        if transitions:
            transitions[-1]["EndTime"] = time
        transitions.append({"Status": phase, "StartTime": time})
        self.changes.change(TrainingJobStatus=status, SecondaryStatus=phase, **members)

    def end(self, status: str, **members: Any) -> None:
        """Go into the last status, which is the secondary one as well."""
        started = self.changes.record.get("TrainingStartTime")
        time = now()
        if started:
            seconds = max(1, round((time - started).total_seconds()))
            members |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        self.enter(status, status, TrainingEndTime=time, **members)

    def _command(self, storage: JobStorage) -> tuple[list[str], str]:
        if not self.image:
            raise StepFailed("ClientError: AlgorithmSpecification has no TrainingImage")
        if script_mode.PROGRAM not in self.hyperparameters:
            return training_command(self.image, self.step.site.jobs_python), "/opt/ml"
        check_script_mode(self.image)
        channels = [c["ChannelName"] for c in self.request.get("InputDataConfig", [])]
        self.sandbox.environment |= script_mode.environment(
            self.hyperparameters, channels, self.name
        )
        uri = script_mode.plain(self.hyperparameters.get(script_mode.SUBMIT_DIRECTORY, ""))
        code = self.sandbox.path(script_mode.CODE)
        archive = self.sandbox.folder / "code"
        found = storage.download(S3Source(uri), archive)
        unpack(archive / found[0].place, code, uri)
        program = script_mode.plain(self.hyperparameters[script_mode.PROGRAM])
        if not (code / program).is_file():
            raise StepFailed(f"ClientError: {uri} holds no {program}")
        return script_mode.command(self.hyperparameters), script_mode.CODE

    def _download(self, channel: dict[str, Any], storage: JobStorage) -> None:
        name, where = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
        if where is None or channel.get("InputMode") == "Pipe":
            raise StepFailed(
                f"ClientError: Channel {name}: only S3DataSource in File or FastFile mode is "
                "supported here"
            )
        gunzip = channel.get("CompressionType") == "Gzip"
        source = S3Source(where["S3Uri"], where.get("S3DataType", "S3Prefix"), gunzip)
        storage.download(source, self.sandbox.path(f"/opt/ml/input/data/{name}"))

    def _write_configuration(self) -> None:
        config = self.sandbox.path("/opt/ml/input/config")
        config.mkdir(parents=True)
        channels = {
            channel["ChannelName"]: {
                "ContentType": channel.get("ContentType", ""),
                "TrainingInputMode": channel.get("InputMode", "File"),
                "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
            for channel in self.request.get("InputDataConfig", [])
        }
        documents = {
            "hyperparameters": self.hyperparameters,
            "inputdataconfig": channels,
            "resourceconfig": {
                "current_host": "algo-1",
                "hosts": ["algo-1"],
                "network_interface_name": "lo",
            },
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document), "utf-8")
        for folder in ("/opt/ml/model", "/opt/ml/output/data"):
            self.sandbox.path(folder).mkdir(parents=True, exist_ok=True)

    def _upload(self, storage: JobStorage) -> None:
        output = self.request["OutputDataConfig"]
        artifacts = _artifacts(self.request)
        base = artifacts.rstrip("/").rsplit("/", 1)[0]
        model, data = self.sandbox.path("/opt/ml/model"), self.sandbox.path("/opt/ml/output/data")
        if output.get("CompressionType") == "NONE":
            storage.upload(model, artifacts)
        else:
            archive = self.sandbox.folder / "model.tar.gz"
            pack(model, archive)
            storage.put_file(archive, *split_uri(artifacts))
        if any(data.iterdir()):
            archive = self.sandbox.folder / "output.tar.gz"
            pack(data, archive)
            storage.put_file(archive, *split_uri(f"{base}/output.tar.gz"))

    def _failure(self, outcome: Outcome) -> StepFailed:
        path = self.sandbox.path("/opt/ml/output/failure")
        if path.is_file():
            text = path.read_text("utf-8", "replace").strip()
        elif script_mode.PROGRAM in self.hyperparameters:
            last = "\n".join(outcome.tail[-10:])
            text = f'ExecuteUserScriptError:\nExitCode {outcome.exit_code}\nErrorMessage "{last}"'
        else:
            text = "See job logs for more information"
        return StepFailed(f"AlgorithmError: {text}, exit code: {outcome.exit_code}")
