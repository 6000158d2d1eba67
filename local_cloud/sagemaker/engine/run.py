"""One execution: which steps run when, and how it ends."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.sagemaker.definition import graph
from local_cloud.sagemaker.definition.errors import DefinitionError
from local_cloud.sagemaker.definition.graph import Definition, Step
from local_cloud.sagemaker.engine.context import Site, StepResult, now
from local_cloud.sagemaker.engine.expressions import Scope
from local_cloud.sagemaker.engine.search_space import optuna_quietly
from local_cloud.sagemaker.engine.step import StepEnd, StepRun

logger = logging.getLogger(__name__)

REASON_OF_A_FAILED_STEP = "Step failure: One or multiple steps failed."


@dataclass
class Run:
    """Executes one pipeline execution in threads of its own: one for the graph, one a step."""

    site: Site

    def __post_init__(self) -> None:
        self._telling = threading.Lock()
        self._status = ""
        self._ended: queue.Queue[tuple[str, StepEnd] | None] = queue.Queue()
        self._ends: dict[str, StepEnd] = {}
        self._properties: dict[str, Mapping[str, Any]] = {}
        self._property_files: dict[str, Mapping[str, str]] = {}
        self.thread = threading.Thread(
            target=self._execute, name=f"pipeline-{self.site.execution.execution_id}", daemon=True
        )

    def _execute(self) -> None:
        try:
            self._to_the_end()
        except Exception as error:  # the thread's last line: the execution must not stay open
            logger.exception("execution %s", self.site.execution.arn)
            self._report("Failed", f"InternalServerError: {type(error).__name__}: {error}")

    def begin_to_stop(self) -> None:
        """Stop, unless the execution has ended."""
        self._report("Stopping")
        self.site.stop.set()

    def _report(self, status: str, reason: str | None = None) -> None:
        with self._telling:  # a stop comes from another thread, and may come too late
            too_late = self._status in ("Succeeded", "Failed", "Stopped")
            if not too_late and not (self._status and status == "Executing"):
                self._status = status
                self.site.host.execution_changed(self.site.execution.arn, status, reason)

    def _to_the_end(self) -> None:
        self._report("Executing")
        try:
            definition = graph.parse(self.site.execution.definition)
            scope = self._scope(definition)
        except DefinitionError as error:
            self._report("Failed", str(error))
            return
        if any(step.type == "Tuning" for step in definition.steps.values()):
            threading.Thread(target=optuna_quietly, daemon=True).start()  # takes half a second
        with self.site.stop.ending(lambda: self._ended.put(None)):
            self._walk(definition, scope)
        ends = self._ends.values()
        if any(end.status == "Failed" for end in ends):
            self._report("Failed", REASON_OF_A_FAILED_STEP)
        elif self.site.stop.is_set():
            self._report("Stopped")
        else:
            self._report("Succeeded")

    def _walk(self, definition: Definition, scope: Scope) -> None:
        """Start steps as they become ready until none is left or one failed."""
        waiting = dict(definition.steps)
        running: set[str] = set()
        limit = self.site.execution.max_parallel_steps or len(waiting)
        while True:
            if not self.site.stop.is_set() and not self._failed():
                self._skip(waiting)
                ready = [s for s in waiting.values() if s.waits_for <= self._ends.keys()]
                for step in ready[: max(0, limit - len(running))]:
                    del waiting[step.name]
                    running.add(step.name)
                    self._start(step, scope)
            if not running:
                return
            message = self._ended.get()
            if message is not None:
                name, end = message
                running.discard(name)
                self._take(name, end)

    def _failed(self) -> bool:
        return any(end.status == "Failed" for end in self._ends.values())

    def _skip(self, waiting: dict[str, Step]) -> None:
        """End what can never run: steps of branches not taken, and what waits for those."""
        skipped = True
        while skipped:
            skipped = False
            for step in list(waiting.values()):
                if self._is_cut_off(step):
                    del waiting[step.name]
                    self._ends[step.name] = StepEnd("NotExecuted")
                    skipped = True

    def _is_cut_off(self, step: Step) -> bool:
        for condition, branch in step.parents:
            end = self._ends.get(condition)
            if end is not None and end.outcome is not branch:
                return True
        return any(
            name in self._ends and self._ends[name].status == "NotExecuted" for name in step.named
        )

    def _start(self, step: Step, scope: Scope) -> None:
        run = StepRun(step, scope, self.site)
        name = f"step-{self.site.execution.execution_id}-{step.name}"
        threading.Thread(target=self._run_step, args=(run,), name=name, daemon=True).start()

    def _run_step(self, run: StepRun) -> None:
        self._ended.put((run.step.name, run.run()))

    def _take(self, name: str, end: StepEnd) -> None:
        result = end.result or StepResult({})
        self._properties[name] = result.properties
        self._property_files[name] = result.property_files
        self._ends[name] = end

    def _scope(self, definition: Definition) -> Scope:
        run = self.site.execution
        variables: dict[str, Callable[[], str]] = {
            "PipelineExecutionId": lambda: run.execution_id,
            "PipelineExecutionArn": lambda: run.arn,
            "PipelineName": lambda: run.pipeline_name,
            "PipelineArn": lambda: run.pipeline_arn,
            "StartDateTime": lambda: run.start_time.isoformat(),
            "CurrentDateTime": lambda: now().isoformat(),
        }
        return Scope(
            parameters=definition.values(run.parameters),
            execution=variables,
            properties=self._properties,
            property_files=self._property_files,
            read=self._read,
        )

    def _read(self, uri: str) -> str:
        run = self.site.execution
        return self.site.storage(run.role_arn, run.pipeline_arn).read_text(uri)
