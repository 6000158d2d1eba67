"""Transform steps: every object of the input goes through the model, record by record."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_cloud.sagemaker.engine import records
from local_cloud.sagemaker.engine.archives import unpack
from local_cloud.sagemaker.engine.context import JobRecord, StepContext, StepResult, now
from local_cloud.sagemaker.engine.errors import StepFailed, Stopped, as_step_failed
from local_cloud.sagemaker.engine.images import check_inference
from local_cloud.sagemaker.engine.model_server import ModelServer
from local_cloud.sagemaker.engine.requests import job_name, prepare
from local_cloud.sagemaker.engine.s3_data import JobStorage, S3Object, S3Source
from local_cloud.sagemaker.engine.sandbox import Sandbox

LOG_GROUP = "TransformJobs"
MEGABYTES_OF_A_PAYLOAD = 6
_LINE, _NONE = "Line", "None"


def run_transform_step(step: StepContext) -> StepResult:
    """Run the step's job; its properties are what DescribeTransformJob shows."""
    name = job_name(step.execution.execution_id, step.name)
    request = prepare("CreateTransformJob", {**step.arguments, "TransformJobName": name})
    arn = step.arn(f"transform-job/{name}")
    step.creates_job("TransformJob", request)
    members = {k: v for k, v in request.items() if k != "Tags"}
    changes = JobRecord(step.host, "TransformJob", {**members, "TransformJobArn": arn})
    model = step.host.call("DescribeModel", {"ModelName": request["ModelName"]})
    metadata = {"TransformJob": {"Arn": arn}}
    role = model["ExecutionRoleArn"]
    isolated = bool(model.get("EnableNetworkIsolation"))
    sandbox = step.sandbox(name, LOG_GROUP, role_arn=role, job_arn=arn, network=not isolated)
    changes.change(TransformJobStatus="InProgress")
    step.executing(metadata)
    try:
        changes.change(TransformStartTime=now())
        _Transform(request, sandbox, step.storage(role, arn)).run(_container(model))
    except Stopped:
        changes.change(TransformJobStatus="Stopping")
        changes.change(TransformJobStatus="Stopped", TransformEndTime=now())
        step.authorize("StopTransformJob", request)
        raise
    except Exception as error:  # whatever it was, the job must not stay open
        failure = as_step_failed(error)
        changes.change(
            TransformJobStatus="Failed", FailureReason=failure.reason, TransformEndTime=now()
        )
        raise failure.of_a_job() from error
    finally:
        sandbox.remove()
    changes.change(TransformJobStatus="Completed", TransformEndTime=now())
    return StepResult(changes.record, metadata)


def _container(model: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else []
    containers += model.get("Containers", [])
    if len(containers) != 1:
        raise StepFailed(
            f"ClientError: Model {model['ModelName']} has {len(containers)} containers; models "
            "of one container are supported here"
        )
    container: Mapping[str, Any] = containers[0]
    if not container.get("Image"):
        raise StepFailed(f"ClientError: Model {model['ModelName']} names no image")
    check_inference(container["Image"])
    return container


class _Transform:
    """One transform job."""

    def __init__(self, request: Mapping[str, Any], sandbox: Sandbox, storage: JobStorage) -> None:
        self.sandbox, self.storage = sandbox, storage
        self.input, self.output = request["TransformInput"], request["TransformOutput"]
        self.environment: Mapping[str, str] = request.get("Environment", {})
        content_type = self.input.get("ContentType", "text/csv")
        self.content_type: str = content_type
        self.accept: str = self.output.get("Accept") or content_type
        self.by_line = self.input.get("SplitType", _NONE) == _LINE
        self.assemble_by_line = self.output.get("AssembleWith", _NONE) == _LINE
        self.single = request.get("BatchStrategy") == "SingleRecord"
        self.limit = int(request.get("MaxPayloadInMB", MEGABYTES_OF_A_PAYLOAD)) * 2**20
        settings = request.get("DataProcessing", {})
        self.processing = records.DataProcessing(
            input_filter=records.Filter(settings.get("InputFilter", "$")),
            output_filter=records.Filter(settings.get("OutputFilter", "$")),
            join=settings.get("JoinSource", _NONE) == "Input",
            content_type=content_type,
        )
        if self.input.get("SplitType", _NONE) not in (_LINE, _NONE):
            raise StepFailed(
                f"ClientError: SplitType {self.input['SplitType']} is not supported here; "
                "supported are Line and None"
            )

    def run(self, container: Mapping[str, Any]) -> None:
        """Load the model once, then transform every object."""
        where = self.input["DataSource"]["S3DataSource"]
        source = S3Source(where["S3Uri"], where.get("S3DataType", "S3Prefix"))
        folder = self.sandbox.folder / "in"
        found = self.storage.download(source, folder)
        self._load(container)
        results = self.sandbox.folder / "out"
        with ModelServer(self.sandbox, container["Image"]) as server:
            for item in found:
                target = results / f"{item.place}.out"
                target.parent.mkdir(parents=True, exist_ok=True)
                data = (folder / item.place).read_bytes()
                target.write_bytes(self._transform(server, item, data))
        self.storage.upload(results, self.output["S3OutputPath"])

    def _load(self, container: Mapping[str, Any]) -> None:
        model = self.sandbox.path("/opt/ml/model")
        model.mkdir()
        environment = {**container.get("Environment", {}), **self.environment}
        self.sandbox.environment |= environment | {"SAGEMAKER_BATCH": "true"}
        self._unpack(container.get("ModelDataUrl"), "/opt/ml/model")
        submitted = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submitted.startswith("s3://"):
            self._unpack(submitted, "/opt/ml/code")

    def _unpack(self, uri: str | None, path: str) -> None:
        if not uri:
            return
        folder = self.sandbox.folder / f"archive-of-{path.rsplit('/', 1)[-1]}"
        found = self.storage.download(S3Source(uri), folder)
        unpack(folder / found[0].place, self.sandbox.path(path), uri)

    def _transform(self, server: ModelServer, item: S3Object, data: bytes) -> bytes:
        if self.input.get("CompressionType") == "Gzip":
            data = gzip.decompress(data)
        rows = records.split(data, by_line=self.by_line)
        parts: list[bytes] = []
        sent = [self.processing.input_of(row) for row in rows]
        for begin, batch in records.batches(sent, limit=self.limit, single=self.single):
            status, body = server.invoke(b"\n".join(batch), self.content_type, self.accept)
            if status != 200:
                raise StepFailed(
                    "ClientError: See job logs for more information. "
                    f"s3://{item.bucket}/{item.key}, records from {begin + 1}: "
                    f"{body.decode('utf-8', 'replace')}"
                )
            parts.extend(self._outputs(item, rows[begin : begin + len(batch)], body))
        return records.assemble(parts, by_line=self.assemble_by_line)

    def _outputs(self, item: S3Object, rows: Sequence[bytes], body: bytes) -> Iterator[bytes]:
        whole = not self.by_line or (not self.assemble_by_line and not self.processing.by_record)
        if whole and not self.processing.by_record:
            yield body.removesuffix(b"\n") if self.assemble_by_line else body
            return
        answers = records.split(body, by_line=self.by_line)
        if len(answers) != len(rows):
            raise StepFailed(
                f"ClientError: The model gave {len(answers)} predictions for {len(rows)} records "
                f"of s3://{item.bucket}/{item.key}"
            )
        for row, answer in zip(rows, answers, strict=True):
            yield self.processing.output_of(row, answer)
