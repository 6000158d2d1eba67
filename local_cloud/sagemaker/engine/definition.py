"""A parsed pipeline definition: parameters, steps, and their dependencies. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local_cloud.sagemaker.engine.errors import DefinitionError

PARAMETER_TYPES = ("String", "Integer", "Float", "Boolean")


@dataclass(frozen=True)
class Parameter:
    """One pipeline parameter. Its value is typed as the definition says; given ones are text."""

    name: str
    type: str
    default: Any = None
    enum_values: tuple[Any, ...] = ()

    def read(self, text: Any) -> Any:
        """The typed value of what StartPipelineExecution was given, or of the default."""
        try:
            value = _READERS[self.type](text)
        except ValueError as error:
            raise DefinitionError(
                f"Parameter {self.name} is of type {self.type}; {text!r} is not"
            ) from error
        if self.enum_values and value not in self.enum_values:
            raise DefinitionError(
                f"Parameter {self.name} must be one of {list(self.enum_values)}, not {value!r}"
            )
        return value


def _read_boolean(text: Any) -> bool:
    words = {"true": True, "false": False}
    if str(text).lower() not in words:
        raise ValueError(text)
    return words[str(text).lower()]


_READERS: dict[str, Any] = {
    "String": str,
    "Integer": lambda text: int(str(text)),
    "Float": lambda text: float(str(text)),
    "Boolean": _read_boolean,
}


@dataclass(frozen=True)
class Step:
    """One step. `waits_for` names every step that must have ended before this one starts,
    `named` those of them that it refers to itself.

    `parents` are the Condition steps around it, outermost first, each with the branch the step
    is on: the step runs only when every one of them chose that branch.
    """

    name: str
    type: str
    document: Mapping[str, Any]
    waits_for: frozenset[str] = frozenset()
    parents: tuple[tuple[str, bool], ...] = ()
    named: frozenset[str] = frozenset()

    @property
    def arguments(self) -> Any:
        """The Arguments member: the request, with its references not yet resolved."""
        return self.document.get("Arguments", {})


@dataclass(frozen=True)
class Definition:
    """A whole pipeline, its nested steps laid out flat."""

    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step] = field(default_factory=dict)

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Every parameter's typed value: the given one, or else the default."""
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            raise DefinitionError(
                f"The pipeline has no parameter {', '.join(unknown)}; it has "
                f"{', '.join(sorted(self.parameters)) or 'none'}"
            )
        values = {}
        for parameter in self.parameters.values():
            text = given.get(parameter.name, parameter.default)
            if text is None:
                raise DefinitionError(
                    f"Parameter {parameter.name} has no default value; give one at the start"
                )
            values[parameter.name] = parameter.read(text)
        return values


def parse(document: Mapping[str, Any]) -> Definition:
    """Read a definition and check that it can run: names, references, no cycle."""
    parameters = {p.name: p for p in map(_parameter, document.get("Parameters") or [])}
    flat: dict[str, Step] = {}
    for step in _flatten(document.get("Steps") or [], ()):
        if step.name in flat:
            raise DefinitionError(f"Two steps are named {step.name}; step names are unique")
        flat[step.name] = step
    if not flat:
        raise DefinitionError("The pipeline definition has no steps")
    steps = {name: _with_dependencies(step, flat) for name, step in flat.items()}
    for step in steps.values():
        for reference in _references(dict(step.document)):
            kind, _, rest = reference.partition(".")
            if kind == "Parameters" and rest not in parameters:
                raise DefinitionError(f"Step {step.name} refers to unknown parameter {rest}")
    _refuse_cycles(steps)
    return Definition(parameters, steps)


def _parameter(document: Mapping[str, Any]) -> Parameter:
    kind = document.get("Type", "String")
    if kind not in PARAMETER_TYPES:
        raise DefinitionError(f"Parameter {document.get('Name')} has unknown type {kind}")
    return Parameter(
        name=document["Name"],
        type=kind,
        default=document.get("DefaultValue"),
        enum_values=tuple(document.get("EnumValues") or ()),
    )


def _flatten(
    documents: Iterable[Mapping[str, Any]], parents: tuple[tuple[str, bool], ...]
) -> Iterator[Step]:
    for document in documents:
        try:
            name, kind = document["Name"], document["Type"]
        except KeyError as error:
            raise DefinitionError(f"A step has no {error}: {json.dumps(document)[:200]}") from error
        yield Step(name, kind, document, parents=parents)
        if kind == "Condition":
            arguments = document.get("Arguments", {})
            yield from _flatten(arguments.get("IfSteps") or [], (*parents, (name, True)))
            yield from _flatten(arguments.get("ElseSteps") or [], (*parents, (name, False)))


def _with_dependencies(step: Step, flat: Mapping[str, Step]) -> Step:
    document: dict[str, Any] = dict(step.document)
    if step.type == "Condition":  # its nested steps wait for themselves
        document["Arguments"] = {"Conditions": step.arguments.get("Conditions", [])}
    named = {r.split(".")[1] for r in _references(document) if r.startswith("Steps.")}
    named |= set(document.get("DependsOn") or [])
    waits_for = named | {name for name, _ in step.parents[-1:]}
    for name in named:
        if name not in flat:
            raise DefinitionError(f"Step {step.name} refers to unknown step {name}")
        if flat[name].type == "Condition" and not _is_inside(step, name):
            waits_for |= {other.name for other in flat.values() if _is_inside(other, name)}
    return replace(step, waits_for=frozenset(waits_for), named=frozenset(named))


def _is_inside(step: Step, condition: str) -> bool:
    return any(name == condition for name, _ in step.parents)


def _references(value: Any) -> Iterator[str]:
    """Every `{"Get": ...}` inside, at any depth."""
    if isinstance(value, Mapping):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        else:
            for inner in value.values():
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _refuse_cycles(steps: Mapping[str, Step]) -> None:
    done: set[str] = set()
    left = dict(steps)
    while left:
        ready = [name for name, step in left.items() if step.waits_for <= done]
        if not ready:
            raise DefinitionError(f"These steps wait for each other: {', '.join(sorted(left))}")
        done.update(ready)
        for name in ready:
            del left[name]
