"""One step of an execution: its statuses, attempts and cache, around the work of its type."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_cloud.sagemaker.engine import policies
from local_cloud.sagemaker.engine.calls import refuse, run_lambda_step
from local_cloud.sagemaker.engine.context import Site, StepContext, StepResult, now
from local_cloud.sagemaker.engine.definition import Step
from local_cloud.sagemaker.engine.errors import DefinitionError, StepFailed, Stopped, as_step_failed
from local_cloud.sagemaker.engine.expressions import Scope
from local_cloud.sagemaker.engine.models import run_model_step, run_register_model_step
from local_cloud.sagemaker.engine.processing import run_processing_step
from local_cloud.sagemaker.engine.quality_check import run_quality_check_step
from local_cloud.sagemaker.engine.training import run_training_step
from local_cloud.sagemaker.engine.transform import run_transform_step
from local_cloud.sagemaker.engine.tuning import run_tuning_step

_RUNNERS: dict[str, Callable[[StepContext], StepResult]] = {
    "Processing": run_processing_step,
    "Training": run_training_step,
    "Tuning": run_tuning_step,
    "Transform": run_transform_step,
    "QualityCheck": run_quality_check_step,
    "Model": run_model_step,
    "RegisterModel": run_register_model_step,
    "Lambda": run_lambda_step,
}

_LAST = ("Succeeded", "Failed", "Stopped")


@dataclass(frozen=True)
class StepEnd:
    """How a step ended. `outcome` is a Condition's."""

    status: str
    result: StepResult | None = None
    outcome: bool | None = None


@dataclass
class StepRun:
    """Runs one step and reports every status to the host."""

    step: Step
    scope: Scope
    site: Site
    _metadata: dict[str, Any] = field(default_factory=dict)
    _attempt: int = 1
    _status: str = "Starting"
    _started: datetime = field(default_factory=now)
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> StepEnd:
        """Run to the end. Every error ends up in the step's FailureReason."""
        self._report("Starting")
        try:
            with self.site.stop.ending(self._report_stopping):
                end = self._succeed()
        except Stopped:
            end = StepEnd("Stopped")
            self._report("Stopped", EndTime=now())
        except DefinitionError as error:
            end = StepEnd("Failed")
            self._report("Failed", EndTime=now(), FailureReason=f"ClientError: {error}")
        except Exception as error:  # the thread's last resort: a lost step would never end
            end = StepEnd("Failed")
            self._report("Failed", EndTime=now(), FailureReason=as_step_failed(error).reason)
        return end

    def _succeed(self) -> StepEnd:
        if self.step.type == "Condition":
            return self._choose()
        document = self.scope.resolve(
            {k: v for k, v in self.step.document.items() if k != "PropertyFiles"}
        )
        if self.step.type == "Fail":
            message = str(document["Arguments"].get("ErrorMessage", ""))
            self._metadata = {"Fail": {"ErrorMessage": message}}
            raise StepFailed(message)
        max_age = policies.cache_seconds(document)
        if max_age is not None:
            hit = self._reuse(policies.cache_key(document), max_age)
            if hit is not None:
                return hit
        document["PropertyFiles"] = self.step.document.get("PropertyFiles")
        result = self._attempts(document)
        self._metadata = result.metadata
        if max_age is not None:
            self._remember(policies.cache_key(document), result)
        self._report("Succeeded", EndTime=now())
        return StepEnd("Succeeded", result)

    def _choose(self) -> StepEnd:
        conditions = self.step.arguments.get("Conditions", [])
        outcome = all(self.scope.holds(condition) for condition in conditions)
        word = "True" if outcome else "False"
        self._metadata = {"Condition": {"Outcome": word}}
        self._report("Succeeded", EndTime=now())
        return StepEnd("Succeeded", StepResult({"Outcome": word}), outcome)

    def _attempts(self, document: Mapping[str, Any]) -> StepResult:
        retries = policies.Retries.of(document)
        failures: list[str | None] = []
        begun = time.monotonic()
        while True:
            try:
                return self._attempt_once(document)
            except StepFailed as error:
                failures.append(error.retry_type)
                elapsed = time.monotonic() - begun
                wait = retries.wait_seconds(error.retry_type, failures, elapsed)
                if wait is None:
                    raise
            self.site.stop.sleep(wait)
            self._attempt += 1

    def _attempt_once(self, document: Mapping[str, Any]) -> StepResult:
        context = StepContext(
            name=self.step.name,
            arguments=document.get("Arguments") or {},
            document=document,
            site=self.site,
            executing=self._report_executing,
        )
        try:
            return _RUNNERS.get(self.step.type, refuse)(context)
        except Stopped:
            raise
        except Exception as error:  # whatever it was, it becomes the step's FailureReason
            raise as_step_failed(error) from error

    def _reuse(self, key: str, max_age: float) -> StepEnd | None:
        kept = self.site.host.cached_step(self.site.execution.pipeline_arn, key, max_age)
        if kept is None:
            return None
        self._metadata = kept["Metadata"]
        result = StepResult(kept["Properties"], kept["Metadata"], kept["PropertyFiles"])
        source = {"SourcePipelineExecutionArn": kept["SourcePipelineExecutionArn"]}
        self._report("Succeeded", EndTime=now(), CacheHitResult=source)
        return StepEnd("Succeeded", result)

    def _remember(self, key: str, result: StepResult) -> None:
        kept = {
            "Metadata": result.metadata,
            "Properties": result.properties,
            "PropertyFiles": result.property_files,
            "SourcePipelineExecutionArn": self.site.execution.arn,
        }
        plain = json.loads(json.dumps(kept, default=lambda value: value.isoformat()))
        self.site.host.remember_step(self.site.execution.pipeline_arn, key, plain)

    def _report_executing(self, metadata: dict[str, Any]) -> None:
        self._metadata = metadata
        if not self.site.stop.is_set():
            self._report("Executing")

    def _report_stopping(self) -> None:
        self._report("Stopping")

    def _report(self, status: str, **members: Any) -> None:
        with self._telling:  # a stop comes from another thread, and may come too late
            if self._status in _LAST:
                return
            self._status = status
            self._report_host(status, members)

    def _report_host(self, status: str, members: Mapping[str, Any]) -> None:
        item: dict[str, Any] = {
            "StepName": self.step.name,
            "StepType": self.step.type,
            "StepStatus": status,
            "StartTime": self._started,
            "AttemptCount": self._attempt,
            **members,
        }
        for name in ("DisplayName", "Description"):
            if self.step.document.get(name):
                item[f"Step{name}"] = self.step.document[name]
        if self._metadata:
            item["Metadata"] = self._metadata
        self.site.host.step_changed(self.site.execution.arn, item)
