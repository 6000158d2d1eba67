"""Walks the state machine `act` with answers given, evaluating its JSONata as Step Functions does.

Only what `act` uses: Choice, Wait, Task, Fail and Succeed; Assign, Arguments, Output and Catch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonata import Jsonata

ENTERED = "2026-03-01T12:00:00Z"


@dataclass
class Walk:
    """A walk so far: (state, what it evaluated to), the variables, the states passed."""

    machine: dict[str, Any]
    answers: Iterator[Any]  # a Task's result, or the exception that it raises
    steps: list[tuple[str, Any]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def run(self, given: Any) -> "Walk":
        """Follow the states from the first to one that ends."""
        name: str | None = self.machine["StartAt"]
        while name is not None:
            assert len(self.passed) < 1500, f"goes in circles: {self.passed[-5:]}"
            self.passed.append(name)
            name, given = self._state(name, self.machine["States"][name], given)
        return self

    def _state(self, name: str, state: dict[str, Any], given: Any) -> tuple[str | None, Any]:
        states = {"input": given, "context": {"State": {"EnteredTime": ENTERED}}}
        match state["Type"]:
            case "Choice":
                for choice in state["Choices"]:
                    if self._value(choice["Condition"], states) is True:
                        return self._next(choice, states), given
                return state.get("Default"), given
            case "Wait":
                until = self._value(state.get("Timestamp", state.get("Seconds")), states)
                self.steps.append((name, until))
                return self._next(state, states), given
            case "Task":
                return self._task(name, state, states)
            case "Succeed" | "Fail":
                return None, given
            case other:
                raise AssertionError(f"{name}: a {other} was never walked before")

    def _task(
        self, name: str, state: dict[str, Any], states: dict[str, Any]
    ) -> tuple[str | None, Any]:
        self.steps.append((name, self._value(state["Arguments"], states)))
        try:
            answer = next(self.answers)
            if isinstance(answer, Exception):
                raise answer
        except Exception as error:
            states["errorOutput"] = {"Error": type(error).__name__, "Cause": str(error)}
            for catch in state.get("Catch", []):
                if {"States.ALL", type(error).__name__} & set(catch["ErrorEquals"]):
                    return self._next(catch, states), states["errorOutput"]
            raise
        states["result"] = answer
        output = self._value(state["Output"], states) if "Output" in state else answer
        return self._next(state, states), output

    def _next(self, leaves: dict[str, Any], states: dict[str, Any]) -> str:
        # All of Assign is evaluated with the variables as they were.
        self.variables |= self._value(leaves.get("Assign", {}), states)
        return str(leaves["Next"])

    def _value(self, template: Any, states: dict[str, Any]) -> Any:
        match template:
            case dict():
                return {key: self._value(item, states) for key, item in template.items()}
            case list():
                return [self._value(item, states) for item in template]
            case str() if template.startswith("{%"):
                return self._expression(template, states)
            case _:
                return template

    def _expression(self, text: str, states: dict[str, Any]) -> Any:
        expression = Jsonata(text.removeprefix("{%").removesuffix("%}").strip())
        expression.assign("states", states)
        for name, value in self.variables.items():
            expression.assign(name, value)
        for name in set(re.findall(r"\$(\w+)\b(?!\()", text)) - {"states"}:
            # Step Functions fails an execution that reads a variable nobody assigned.
            assert name in self.variables, f"{text}: no variable {name}"
        return expression.evaluate(None)
