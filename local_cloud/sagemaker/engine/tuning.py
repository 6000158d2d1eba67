"""Tuning steps: parallel training jobs, chosen by Optuna, sorted by objective at the end."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from local_cloud.sagemaker.engine.context import JobRecord, StepContext, StepResult, now
from local_cloud.sagemaker.engine.errors import StepFailed, Stopped, as_step_failed
from local_cloud.sagemaker.engine.requests import job_name, prepare
from local_cloud.sagemaker.engine.search_space import (
    Range,
    grid_size,
    make_study,
    optuna_quietly,
    ranges_of,
)
from local_cloud.sagemaker.engine.training import run_training_job

OBJECTIVE = "_tuning_objective_metric"
FAILURES_WITHOUT_SUCCESS = 5
CHARACTERS_OF_A_NAME = 32


@dataclass
class _Definition:
    """One TrainingJobDefinition with its ranges, its objective and its study."""

    document: Mapping[str, Any]
    ranges: list[Range]
    objective: Mapping[str, str]
    study: Any

    @property
    def name(self) -> str | None:
        value: str | None = self.document.get("DefinitionName")
        return value


def run_tuning_step(step: StepContext) -> StepResult:
    """Run the tuning job; the properties are its description and its jobs, the best first."""
    name = job_name(step.execution.execution_id, step.name, CHARACTERS_OF_A_NAME)
    arguments = {**step.arguments, "HyperParameterTuningJobName": name}
    request = prepare("CreateHyperParameterTuningJob", arguments)
    for member in ("WarmStartConfig", "Autotune"):
        if member in request:
            raise StepFailed(f"ClientError: {member} of a tuning job is not supported here")
    step.creates_job("HyperParameterTuningJob", request)
    step.authorize("ListTrainingJobsForHyperParameterTuningJob", request)
    arn = step.arn(f"hyper-parameter-tuning-job/{name}")
    metadata = {"TuningJob": {"Arn": arn}}
    members = {k: v for k, v in request.items() if k != "Tags"}
    changes = JobRecord(
        step.host, "HyperParameterTuningJob", {**members, "HyperParameterTuningJobArn": arn}
    )
    tuning = _Tuning(step, name, arn, request["HyperParameterTuningJobConfig"], changes)
    tuning.prepare(request)
    tuning.report("InProgress")
    step.executing(metadata)
    try:
        tuning.search()
    except Stopped:
        tuning.report("Stopping")
        tuning.report("Stopped", HyperParameterTuningEndTime=now())
        step.authorize("StopHyperParameterTuningJob", request)
        raise
    except Exception as error:  # whatever it was, the job must not stay open
        failure = as_step_failed(error)
        tuning.report("Failed", FailureReason=failure.reason, HyperParameterTuningEndTime=now())
        raise failure from error
    tuning.report("Completed", HyperParameterTuningEndTime=now())
    return StepResult(tuning.properties(), metadata)


@dataclass
class _Tuning:
    step: StepContext
    name: str
    arn: str
    config: Mapping[str, Any]
    changes: JobRecord
    definitions: list[_Definition] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    max_jobs: int = 0
    parallel: int = 1
    started: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, request: Mapping[str, Any]) -> None:
        """Read the definitions and make their studies."""
        documents = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
        limits = self.config["ResourceLimits"]
        self.parallel = int(limits["MaxParallelTrainingJobs"])
        strategy = self.config["Strategy"]
        for document in documents:
            ranges = ranges_of(
                document.get("HyperParameterRanges") or self.config.get("ParameterRanges") or {}
            )
            objective = document.get("TuningObjective") or self.config.get(
                "HyperParameterTuningJobObjective"
            )
            if objective is None:
                raise StepFailed("ClientError: The tuning job has no objective")
            self.max_jobs = int(limits.get("MaxNumberOfTrainingJobs") or grid_size(ranges))
            study = make_study(
                strategy,
                ranges,
                maximize=objective["Type"] == "Maximize",
                seed=self.config.get("RandomSeed"),
                max_jobs=self.max_jobs,
            )
            self.definitions.append(_Definition(document, ranges, objective, study))
        if strategy == "Grid":
            sizes = sum(grid_size(d.ranges) for d in self.definitions)
            self.max_jobs = min(self.max_jobs, sizes)

    def search(self) -> None:
        """Run training jobs until there were enough, or too many failed."""
        with ThreadPoolExecutor(self.parallel, thread_name_prefix=self.name) as pool:
            workers = [pool.submit(self._work) for _ in range(min(self.parallel, self.max_jobs))]
        for worker in workers:
            worker.result()
        self.step.site.stop.check()
        if not self._best():
            raise StepFailed(
                f"ClientError: No training job succeeded after {len(self.summaries)} attempts. "
                "For additional details, please take a look at the training job failures by "
                "listing training jobs for the hyperparameter tuning job."
            )

    def _work(self) -> None:
        while True:
            with self.lock:
                if self.started >= self.max_jobs or self._is_over():
                    return
                number = self.started
                self.started += 1
                definition = self.definitions[number % len(self.definitions)]
                trial = definition.study.ask()
                tuned = {r.name: r.ask(trial) for r in definition.ranges}
            self._train(number, definition, trial, tuned)

    def _is_over(self) -> bool:
        if self.step.site.stop.is_set():
            return True
        failed = sum(s["TrainingJobStatus"] == "Failed" for s in self.summaries)
        if failed >= FAILURES_WITHOUT_SUCCESS and not self._best():
            return True
        criteria = self.config.get("TuningJobCompletionCriteria") or {}
        target, best = criteria.get("TargetObjectiveMetricValue"), self._best()
        if target is None or not best:
            return False
        reached = best[0]["FinalHyperParameterTuningJobObjectiveMetric"]
        value = float(reached["Value"])
        return bool(value >= target if reached["Type"] == "Maximize" else value <= target)

    def _train(
        self, number: int, definition: _Definition, trial: Any, tuned: dict[str, str]
    ) -> None:
        name = f"{self.name}-{number + 1:03d}-{secrets.token_hex(4)}"
        # SageMaker passes the objective to the container, which computes only that.
        searched = {OBJECTIVE: definition.objective["MetricName"]}
        request = _training_request(definition.document, name, tuned | searched)
        optuna = optuna_quietly()
        summary: dict[str, Any] = {
            "TrainingJobName": name,
            "TrainingJobArn": self.step.arn(f"training-job/{name}"),
            "TuningJobName": self.name,
            "CreationTime": now(),
            "TrainingJobStatus": "InProgress",
            "TunedHyperParameters": tuned,
            "ObjectiveStatus": "Pending",
        }
        if definition.name:
            summary["TrainingJobDefinitionName"] = definition.name
        with self.lock:
            self.summaries.append(summary)
        try:
            record = run_training_job(
                self.step,
                request,
                extra_record={"TuningJobArn": self.arn},
                environment=self._share_of_the_machine(),
            )
            value = _final(record, definition.objective["MetricName"])
        except StepFailed as error:
            self._end(summary, "Failed", FailureReason=error.reason, ObjectiveStatus="Failed")
            with self.lock:
                definition.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        except Stopped:
            self._end(summary, "Stopped", ObjectiveStatus="Failed")
        else:
            metric = {**definition.objective, "Value": value}
            started = record["TrainingStartTime"]
            self._end(
                summary,
                "Completed",
                TrainingStartTime=started,
                ObjectiveStatus="Succeeded",
                FinalHyperParameterTuningJobObjectiveMetric=metric,
            )
            with self.lock:
                definition.study.tell(trial, value)
        self.report("InProgress")

    def _share_of_the_machine(self) -> dict[str, str]:
        """Parallel jobs share the processors, for which their threads would otherwise compete."""
        share = max(1, (os.cpu_count() or 1) // min(self.parallel, self.max_jobs))
        return {"OMP_NUM_THREADS": str(share)}

    def _end(self, summary: dict[str, Any], status: str, **members: Any) -> None:
        with self.lock:
            summary.update(members, TrainingJobStatus=status, TrainingEndTime=now())

    def _best(self) -> list[dict[str, Any]]:
        """The jobs with an objective, best first."""
        done = [s for s in self.summaries if s["ObjectiveStatus"] == "Succeeded"]
        return sorted(done, key=_rank)

    def report(self, status: str, **members: Any) -> None:
        """Report the progress of the search to the host."""
        with self.lock:
            best = self._best()
            if best:
                members["BestTrainingJob"] = dict(best[0])
            counts = [s["TrainingJobStatus"] for s in self.summaries]
            objectives = [s["ObjectiveStatus"] for s in self.summaries]
            self.changes.change(
                HyperParameterTuningJobStatus=status,
                TrainingJobStatusCounters={
                    "Completed": counts.count("Completed"),
                    "InProgress": counts.count("InProgress"),
                    "RetryableError": 0,
                    "NonRetryableError": counts.count("Failed"),
                    "Stopped": counts.count("Stopped"),
                },
                ObjectiveStatusCounters={
                    "Succeeded": objectives.count("Succeeded"),
                    "Pending": objectives.count("Pending"),
                    "Failed": objectives.count("Failed"),
                },
                **members,
            )

    def properties(self) -> dict[str, Any]:
        """The job's description, and TrainingJobSummaries with the best first."""
        best = self._best()
        rest = [s for s in self.summaries if s["ObjectiveStatus"] != "Succeeded"]
        return {**self.changes.record, "TrainingJobSummaries": [*best, *rest]}


def _training_request(
    document: Mapping[str, Any], name: str, tuned: Mapping[str, str]
) -> dict[str, Any]:
    """The CreateTrainingJob request of one trial."""
    only_here = (
        "DefinitionName", "TuningObjective", "HyperParameterRanges", "StaticHyperParameters",
        "HyperParameterTuningResourceConfig",
    )  # fmt: skip
    request = {k: v for k, v in document.items() if k not in only_here}
    resources = dict(
        document.get("ResourceConfig") or document.get("HyperParameterTuningResourceConfig") or {}
    )
    configs = resources.pop("InstanceConfigs", None)
    resources.pop("AllocationStrategy", None)
    request["ResourceConfig"] = {**configs[0], **resources} if configs else resources
    request["HyperParameters"] = {**document.get("StaticHyperParameters", {}), **tuned}
    request["TrainingJobName"] = name
    return prepare("CreateTrainingJob", request)


def _final(record: Mapping[str, Any], metric: str) -> float:
    for found in record["FinalMetricDataList"]:
        if found["MetricName"] == metric:
            return float(found["Value"])
    emitted = ", ".join(m["MetricName"] for m in record["FinalMetricDataList"]) or "none"
    raise StepFailed(
        f"ClientError: The training job {record['TrainingJobName']} did not emit the objective "
        f"metric {metric}; its log has {emitted}"
    )


def _rank(summary: Mapping[str, Any]) -> float:
    metric = summary["FinalHyperParameterTuningJobObjectiveMetric"]
    value = float(metric["Value"])
    return -value if metric["Type"] == "Maximize" else value
