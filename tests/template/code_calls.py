"""What the functions' code does, read from its syntax: AWS operations and settings, by handler.

From a handler, names are followed through the layer: functions by their import, methods by their
name on any class of the layer. An AWS operation is a client's method, called or handed to `_call`
or `_pages` by its name.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

from checks.expand import ROOT

LAYER = ROOT / "layers/headrace/headrace"
FUNCTIONS = ROOT / "functions"

Place = tuple[str, str]  # (module, name of function, class or Class.method)


def settings_read(function: str) -> set[str]:
    """Return the environment variables that a function's code reads."""
    read = set()
    for _, node in _reached(function):
        for call in ast.walk(node):
            match call:
                case ast.Call(
                    func=ast.Name(id="setting"), args=[ast.Constant(value=str(name)), *_]
                ):
                    read.add(name)
    return read


def operations(function: str) -> set[tuple[str, str]]:
    """Return (service, operation in snake case) that a function's code can reach."""
    return {
        operation
        for module, node in _reached(function)
        for operation in _operations_in(node, _services(module))
    }


def all_operations() -> set[tuple[str, str]]:
    """Return every operation that the layer calls, whether or not a function reaches it."""
    return {
        operation
        for module in _trees()
        for operation in _operations_in(_trees()[module], _services(module))
    }


@cache
def operation_names(service: str) -> dict[str, str]:
    """Return a service's operations: name in snake case -> name in botocore's model."""
    names = botocore.session.get_session().get_service_model(service).operation_names
    return {xform_name(name): name for name in names}


def _operations_in(node: ast.AST, services: set[str]) -> Iterator[tuple[str, str]]:
    for call in ast.walk(node):
        match call:
            case ast.Call(
                func=ast.Name(id="_call" | "_pages")
                | ast.Attribute(attr="_call" | "get_paginator"),
                args=[ast.Constant(value=name), *_],
            ):
                pass
            case ast.Call(func=ast.Attribute(attr=name)):
                pass
            case _:
                continue
        for service in services:
            if name in operation_names(service):
                yield service, str(name)


def _services(module: str) -> set[str]:
    return {
        str(call.args[0].value)
        for call in ast.walk(_trees()[module])
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "client"
        and isinstance(call.args[0], ast.Constant)
    }


@cache
def _trees() -> dict[str, ast.Module]:
    """Return the syntax of each module: `headrace.a.b` of the layer, `app.x` of the functions."""
    paths: dict[str, Path] = {_module(path): path for path in LAYER.rglob("*.py")}
    paths |= {f"app.{path.parent.name}": path for path in FUNCTIONS.glob("*/app.py")}
    return {name: ast.parse(path.read_text()) for name, path in paths.items()}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(LAYER.parent).with_suffix("").parts)


@cache
def _definitions() -> dict[Place, ast.AST]:
    found: dict[Place, ast.AST] = {}
    for module, tree in _trees().items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found[module, node.name] = node
            elif isinstance(node, ast.ClassDef):
                for item in node.body:
                    if isinstance(item, ast.FunctionDef):
                        found[module, f"{node.name}.{item.name}"] = item
    return found


@cache
def _imports(module: str) -> dict[str, Place]:
    """Return local name -> (module, name); the name is empty for a module itself."""
    found: dict[str, Place] = {}
    for node in ast.walk(_trees()[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "headrace":
            for alias in node.names:
                place = (node.module or "", alias.name)
                if f"{node.module}.{alias.name}" in _trees():
                    place = (f"{node.module}.{alias.name}", "")
                found[alias.asname or alias.name] = place
    return found


@cache
def _reached(function: str) -> tuple[tuple[str, ast.AST], ...]:
    """Return (module, syntax) of everything that a function's handler can get to."""
    todo: list[Place] = [(f"app.{function}", "handler")]
    seen: set[Place] = set()
    while todo:
        place = todo.pop()
        if place in seen or place not in _definitions():
            continue
        seen.add(place)
        todo += _mentioned(place[0], _definitions()[place])
    return tuple((place[0], _definitions()[place]) for place in sorted(seen))


def _mentioned(module: str, body: ast.AST) -> Iterator[Place]:
    imports = _imports(module)
    for node in ast.walk(body):
        match node:
            case ast.Name(id=name):
                yield imports.get(name, (module, name))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if (
                imports.get(name, ("", "?"))[1] == ""
            ):
                yield imports[name][0], attribute
            case ast.Call(func=ast.Attribute(attr=attribute)):
                yield from (p for p in _definitions() if p[1].endswith(f".{attribute}"))
