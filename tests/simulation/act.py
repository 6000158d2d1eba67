"""Step Functions on the virtual clock: runs `statemachines/act.asl.yaml` as it is written."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonata import Jsonata

from tests.simulation.clock import iso
from tests.simulation.faults import Faults

DEFINITION = Path(__file__).parents[2] / "statemachines" / "act.asl.yaml"
_RETRY_FIELDS = {
    "ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts",
    "JitterStrategy",
}  # fmt: skip


_VALUES: dict[tuple[str, str], Any] = {}
_MOST_VALUES = 20_000


class TaskFailed(Exception):
    """A task's error: its name, and its cause as Step Functions has it."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


# Takes a task's resource and arguments; raises TaskFailed.
Task = Callable[[str, dict[str, Any]], Any]


@dataclass
class Execution:
    """An execution: where it is, its variables, how often each retrier was used."""

    name: str
    given: str
    state: str
    data: Any
    variables: dict[str, Any] = field(default_factory=dict)
    retried: dict[int, int] = field(default_factory=dict)
    status: str = "RUNNING"


@cache
def definition() -> dict[str, Any]:
    """Return the state machine as the template deploys it, its substitutions by their names."""
    text = re.sub(r"\$\{(\w+)\}", r"\1", DEFINITION.read_text())
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


class StateMachine:
    """Executions of `act`, each by its name."""

    def __init__(self, faults: Faults, task: Task) -> None:
        self._faults, self._clock, self._task = faults, faults.clock, task
        self.executions: dict[str, Execution] = {}
        self.failed: list[tuple[str, str]] = []
        self.transitions = 0
        self._states: dict[str, Callable[[Execution, dict[str, Any]], float | None]] = {
            "Choice": self._choice,
            "Wait": self._wait,
            "Task": self._attempt,
            "Succeed": self._succeed,
            "Fail": self._fail,
        }

    def start(self, name: str, given: str) -> bool:
        """Start an execution; False if the name was used for another, or for one that closed."""
        known = self.executions.get(name)
        if known is not None:
            return known.given == given and known.status == "RUNNING"
        execution = Execution(name, given, definition()["StartAt"], json.loads(given))
        self.executions[name] = execution
        self._clock.after(self._clock.random.uniform(0.05, 0.5), self._go, execution)
        return True

    def _go(self, execution: Execution) -> None:
        """Follow the states until one waits or ends."""
        while execution.status == "RUNNING":
            self.transitions += 1
            state = definition()["States"][execution.state]
            wait = self._states[state["Type"]](execution, state)
            if wait is not None:
                self._clock.after(wait, self._go, execution)
                return

    def _choice(self, execution: Execution, state: dict[str, Any]) -> None:
        for choice in state["Choices"]:
            if self._value(execution, choice["Condition"]) is True:
                self._next(execution, choice)
                return
        execution.state = state["Default"]

    def _wait(self, execution: Execution, state: dict[str, Any]) -> float:
        if "Timestamp" in state:
            until = self._value(execution, state["Timestamp"])
            seconds = datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp()
            seconds -= self._clock.now
        else:
            seconds = float(self._value(execution, state["Seconds"]))
        self._next(execution, state)
        return max(0.0, seconds)

    def _succeed(self, execution: Execution, state: dict[str, Any]) -> None:
        execution.status = "SUCCEEDED"

    def _fail(self, execution: Execution, state: dict[str, Any]) -> None:
        self._failed(execution, state["Error"])

    def _failed(self, execution: Execution, why: str) -> None:
        execution.status = "FAILED"
        self.failed.append((execution.name, why))

    def _attempt(self, execution: Execution, state: dict[str, Any]) -> float | None:
        arguments = self._value(execution, state["Arguments"])
        try:
            result = self._task(state["Resource"], arguments)
        except TaskFailed as error:
            return self._task_failed(execution, state, error)
        output = result
        if "Output" in state:
            output = self._value(execution, state["Output"], result=result)
        execution.retried = {}
        self._next(execution, state)
        execution.data = output
        return None

    def _task_failed(
        self, execution: Execution, state: dict[str, Any], error: TaskFailed
    ) -> float | None:
        for number, retrier in enumerate(state.get("Retry", [])):
            assert set(retrier) <= _RETRY_FIELDS, retrier
            if not {error.name, "States.ALL"} & set(retrier["ErrorEquals"]):
                continue
            used = execution.retried.get(number, 0)
            if used >= retrier["MaxAttempts"]:
                break
            execution.retried[number] = used + 1
            delay = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** min(used, 60)
            delay = min(delay, retrier.get("MaxDelaySeconds", delay))
            assert retrier["JitterStrategy"] == "FULL"
            return self._clock.random.uniform(0, delay)
        execution.retried = {}
        for catcher in state.get("Catch", []):
            if {error.name, "States.ALL"} & set(catcher["ErrorEquals"]):
                output = {"Error": error.name, "Cause": error.cause}
                self._next(execution, catcher, errorOutput=output)
                execution.data = output
                return None
        self._failed(execution, str(error))
        return None

    def _next(self, execution: Execution, leaves: dict[str, Any], **states: Any) -> None:
        # All of Assign is evaluated with the variables as they were.
        assigned = self._value(execution, leaves.get("Assign", {}), **states)
        execution.variables |= assigned
        execution.state = leaves["Next"]

    def _value(self, execution: Execution, template: Any, **states: Any) -> Any:
        match template:
            case dict():
                return {k: self._value(execution, v, **states) for k, v in template.items()}
            case list():
                return [self._value(execution, item, **states) for item in template]
            case str() if template.startswith("{%"):
                expression, names = _compiled(template)
                now = {"EnteredTime": iso(self._clock.now)} if "EnteredTime" in template else {}
                read = {name: execution.variables[name] for name in names}
                read["states"] = {"input": execution.data, "context": {"State": now}, **states}
                return _evaluated(template, expression, read)
            case _:
                return template


@cache
def _compiled(text: str) -> tuple[Jsonata, tuple[str, ...]]:
    """Return an expression and the variables it reads; one that nobody assigned is an error."""
    body = text.removeprefix("{%").removesuffix("%}").strip()
    names = set(re.findall(r"\$(\w+)(?!\w*\()", body)) - {"states"}
    return Jsonata(body), tuple(sorted(names))


def _evaluated(template: str, expression: Jsonata, read: dict[str, Any]) -> Any:
    """Evaluate an expression once for the same values: nearly all are the same in other lives."""
    key = (template, repr(read))
    if key not in _VALUES:
        frame = expression.create_frame()
        for name, value in read.items():
            frame.bind(name, value)
        if len(_VALUES) >= _MOST_VALUES:
            _VALUES.clear()
        _VALUES[key] = _plain(expression.evaluate(None, frame))
    return _plain(_VALUES[key])


def _plain(value: Any) -> Any:
    """Return a value without the library's own kinds of list and number."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
