"""SageMaker's pipeline executions: started by token, run for hours, end, publish events."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulation.clock import HOUR, iso
from tests.simulation.faults import Faults, refused

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
_RUN = "SageMaker Model Building Pipeline Execution Status Change"
_STEP = "SageMaker Model Building Pipeline Execution Step Status Change"


@dataclass
class Run:
    """A pipeline execution; `by_hand` when a person started it in Studio."""

    arn: str
    pipeline: str
    name: str
    token: str
    parameters: dict[str, str]
    started: float
    by_hand: bool
    status: str = "Executing"
    ended: float | None = None
    failed: tuple[str, str] | None = None  # step, what its job said
    objects: list[tuple[str, str]] = field(default_factory=list)
    truths: list[tuple[str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]

    @property
    def scored(self) -> bool:
        """Whether it made predictions of its objects: a missed threshold comes after them."""
        failed_late = self.failed is not None and self.failed[0] == "ModelQuality"
        return self.pipeline.endswith("inference") and (self.status == "Succeeded" or failed_late)


@dataclass(frozen=True)
class Fate:
    """How a run will end, and after how many seconds."""

    after: float
    status: str
    failed: tuple[str, str] | None = None


class SimulatedSageMaker:
    """The part of the client that the layer uses; `publish` takes the events for EventBridge."""

    def __init__(
        self,
        faults: Faults,
        publish: Callable[[dict[str, Any]], None],
        fate: Callable[[Run], Fate],
        ended: Callable[[Run], None],
        drop_of: Callable[[str], list[tuple[str, str]]],
    ) -> None:
        self._faults, self._clock, self._publish = faults, faults.clock, publish
        self._fate, self._ended, self._drop_of = fate, ended, drop_of
        self.runs: dict[str, Run] = {}
        self._of_pipeline: dict[str, list[Run]] = {}
        self._tokens: dict[tuple[str, str], tuple[float, Run]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.pipelines: set[str] = set()
        # What CI put into an inference pipeline: the version's ARN, and when.
        self.put: Callable[[str], tuple[str, float] | None] = lambda pipeline: None

    # --- what the layer calls ---------------------------------------------------------------------

    def around(self, operation: str, apply: Callable[[], Any], label: str = "") -> Any:
        """Take a call: throttled, unanswered or as it should be."""
        mix = self._faults.mix

        def served() -> Any:
            if self._faults.within(mix.throttled):
                raise self._faults.throttling("sagemaker", operation)
            if self._faults.within(mix.deaf):
                if operation == "StartPipelineExecution":
                    apply()
                raise self._faults.silence("sagemaker")
            return apply()

        return self._faults.around(f"{operation} {label}", served)

    def start_pipeline_execution(
        self,
        *,
        PipelineName: str,
        PipelineExecutionDisplayName: str,
        PipelineExecutionDescription: str,
        ClientRequestToken: str,
        PipelineParameters: list[dict[str, str]],
    ) -> dict[str, Any]:
        name, token = PipelineExecutionDisplayName, ClientRequestToken
        assert PipelineName in self.pipelines, PipelineName
        assert re.fullmatch(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,81}", name), name
        assert 32 <= len(token) <= 128
        assert len(PipelineExecutionDescription) <= 3072
        parameters = {p["Name"]: p["Value"] for p in PipelineParameters}

        def start() -> Run:
            known = self._tokens.get((PipelineName, token))
            if known and self._clock.now - known[0] < self._faults.mix.token_hours * HOUR:
                return known[1]
            run = self.begin(PipelineName, name, token, parameters)
            self._tokens[PipelineName, token] = (self._clock.now, run)
            return run

        run = self.around("StartPipelineExecution", start, name)
        return {"PipelineExecutionArn": run.arn}

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str) -> dict[str, Any]:
        def described() -> dict[str, Any]:
            run = self.runs[PipelineExecutionArn]
            return {
                "PipelineExecutionStatus": run.status,
                "PipelineExecutionDisplayName": run.name,
            }

        answer: dict[str, Any] = self.around("DescribePipelineExecution", described)
        return answer

    def describe_pipeline(self, *, PipelineName: str) -> dict[str, Any]:
        def described() -> dict[str, Any]:
            put = self.put(PipelineName)
            if put is None:
                raise refused("ResourceNotFound", PipelineName, "DescribePipeline")
            environment = {"HEADRACE_MODEL_PACKAGE_ARN": put[0]}
            step = {
                "Type": "Model",
                "Arguments": {"PrimaryContainer": {"Environment": environment}},
            }
            return {
                "PipelineArn": f"{ARN}:pipeline/{PipelineName}",
                "PipelineDefinition": json.dumps({"Steps": [step]}),
                "LastModifiedTime": datetime.fromtimestamp(put[1], UTC),
            }

        answer: dict[str, Any] = self.around("DescribePipeline", described)
        return answer

    def describe_processing_job(self, *, ProcessingJobName: str) -> dict[str, Any]:
        def described() -> dict[str, Any]:
            run = self.runs[ProcessingJobName.replace("..", "/").replace(";", ":")]
            assert run.failed is not None
            return {"ExitMessage": run.failed[1]}

        answer: dict[str, Any] = self.around("DescribeProcessingJob", described)
        return answer

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        def described() -> dict[str, Any]:
            package = self.packages.get(ModelPackageName)
            if package is None:
                raise refused(
                    "ValidationException",
                    f"ModelPackage {ModelPackageName} does not exist.",
                    "DescribeModelPackage",
                )
            return dict(package)

        answer: dict[str, Any] = self.around("DescribeModelPackage", described)
        return answer

    def get_paginator(self, operation: str) -> "_Paginator":
        pages: dict[str, Callable[..., Any]] = {
            "list_pipeline_executions": self._list_runs,
            "list_pipeline_execution_steps": self._list_steps,
            "list_pipeline_parameters_for_execution": self._list_parameters,
            "list_model_packages": self._list_packages,
        }
        return _Paginator(self, operation, pages[operation])

    def _list_runs(
        self,
        *,
        PipelineName: str,
        CreatedAfter: datetime,
        CreatedBefore: datetime | None = None,
        SortBy: str = "CreationTime",
        SortOrder: str = "Descending",
    ) -> tuple[str, list[Any]]:
        assert SortBy == "CreationTime"
        until = CreatedBefore.timestamp() if CreatedBefore else float("inf")
        since, found = CreatedAfter.timestamp(), self._of_pipeline.get(PipelineName, [])
        return "PipelineExecutionSummaries", [
            {
                "PipelineExecutionArn": run.arn,
                "PipelineExecutionDisplayName": run.name,
                "PipelineExecutionStatus": run.status,
                "StartTime": datetime.fromtimestamp(run.started, UTC),
            }
            for run in (found if SortOrder == "Ascending" else reversed(found))
            if since <= run.started < until
        ]

    def _list_parameters(self, *, PipelineExecutionArn: str) -> tuple[str, list[Any]]:
        given = self.runs[PipelineExecutionArn].parameters
        return "PipelineParameters", [{"Name": k, "Value": v} for k, v in given.items()]

    def _list_steps(self, *, PipelineExecutionArn: str, SortOrder: str) -> tuple[str, list[Any]]:
        assert SortOrder == "Ascending"
        run = self.runs[PipelineExecutionArn]
        steps: list[dict[str, Any]] = [{"StepName": "Preprocess", "StepStatus": "Succeeded"}]
        if run.failed and run.ended is not None:
            job = f"{ARN}:processing-job/" + run.arn.replace("/", "..").replace(":", ";")
            steps.append(
                {
                    "StepName": run.failed[0],
                    "StepStatus": "Failed",
                    "FailureReason": "AlgorithmError",
                    "Metadata": {"ProcessingJob": {"Arn": job}},
                }
            )
        return "PipelineExecutionSteps", steps

    def _list_packages(
        self, *, ModelPackageGroupName: str, ModelApprovalStatus: str, SortBy: str, SortOrder: str
    ) -> tuple[str, list[Any]]:
        assert (SortBy, SortOrder) == ("CreationTime", "Descending")
        found = [
            {"ModelPackageArn": arn}
            for arn, package in self.packages.items()
            if package["ModelPackageGroupName"] == ModelPackageGroupName
            and package["ModelApprovalStatus"] == ModelApprovalStatus
        ]
        return "ModelPackageSummaryList", found[::-1]

    # --- what happens by itself, or by people -----------------------------------------------------

    def begin(
        self, pipeline: str, name: str, token: str = "", parameters: dict[str, str] | None = None
    ) -> Run:
        """Start an execution; without a token it is a person who does."""
        number = len(self.runs)
        arn = f"{ARN}:pipeline/{pipeline.lower()}/execution/run{number:09d}"
        run = Run(arn, pipeline, name, token, parameters or {}, self._clock.now, not token)
        if not run.by_hand:
            run.objects = self._drop_of(run.parameters.get("InputData", ""))
            run.truths = self._drop_of(run.parameters.get("GroundTruth", ""))
        self.runs[arn] = run
        self._of_pipeline.setdefault(pipeline, []).append(run)
        fate = self._fate(run)
        self._tell(run)
        self._clock.after(fate.after, self._end, run, fate)
        return run

    def stop(self, run: Run) -> None:
        """Stop an execution, as a person does by hand."""
        self._end(run, Fate(0.0, "Stopped"))

    def _end(self, run: Run, fate: Fate) -> None:
        if run.ended is not None:
            return
        run.status, run.failed, run.ended = fate.status, fate.failed, self._clock.now
        if fate.failed:
            self._publish(
                {
                    "source": "aws.sagemaker",
                    "detail-type": _STEP,
                    "time": iso(run.ended),
                    "detail": {
                        "pipelineArn": run.arn.rsplit("/execution/", 1)[0],
                        "pipelineExecutionArn": run.arn,
                        "stepName": fate.failed[0],
                        "currentStepStatus": "Failed",
                    },
                }
            )
        self._tell(run)
        self._ended(run)

    def _tell(self, run: Run) -> None:
        self._publish(
            {
                "source": "aws.sagemaker",
                "detail-type": _RUN,
                "time": iso(self._clock.now),
                "detail": {
                    "pipelineArn": run.arn.rsplit("/execution/", 1)[0],
                    "pipelineExecutionArn": run.arn,
                    "currentPipelineExecutionStatus": run.status,
                    "pipelineExecutionDisplayName": run.name,
                },
            }
        )


class _Paginator:
    """A paginator: one effect a page, 100 rows each."""

    def __init__(
        self, service: SimulatedSageMaker, operation: str, rows: Callable[..., Any]
    ) -> None:
        self._service, self._operation, self._rows = service, operation, rows

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        start = 0
        while True:
            member, rows = self._service.around(self._operation, lambda: self._rows(**request))
            yield {member: rows[start : start + 100]}
            start += 100
            if start >= len(rows):
                return
