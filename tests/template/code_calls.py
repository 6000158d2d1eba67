"""What the functions' code does, read from its syntax: AWS operations and settings, by handler.

From a handler, names are followed through the layer: functions by their import, methods and
properties by the class of what they are looked up on. That is what annotations anywhere in the
layer say of its name (`sagemaker: SageMaker`); where they say nothing, a method of that name on any
class of the layer is reached. An AWS operation is a client's method, called or handed to `_call`
or `_pages` by its name; adapters say which service's client they take: `Annotated[Any, "s3"]`.
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


@cache
def settings_read(function: str) -> set[str]:
    """Return the environment variables that a function's code reads."""
    read = set()
    for _, node in _reached(function):
        for call in ast.walk(node):
            match call:
                case ast.Call(
                    func=ast.Attribute(attr="_setting"), args=[ast.Constant(value=str(name)), *_]
                ):
                    read.add(name)
    return read


@cache
def operations(function: str) -> set[tuple[str, str]]:
    """Return (service, operation in snake case) that a function's code can reach."""
    return {
        operation
        for module, node in _reached(function)
        for operation in _operations_in(node, _services(module))
    }


@cache
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
                | ast.Attribute(attr="_call" | "_pages" | "get_paginator"),
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
        str(service)
        for node in ast.walk(_trees()[module])
        if isinstance(node, ast.arg)
        for service in _service_of(node.annotation)
    }


def _service_of(annotation: ast.expr | None) -> Iterator[str]:
    """Yield the service in `Annotated[Any, "<service>"]`."""
    match annotation:
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(elts=[ast.Name(id="Any"), ast.Constant(value=str(service))]),
        ):
            yield service


def clients_handed_in() -> Iterator[tuple[str, str, str, set[str]]]:
    """Yield (property, adapter, service, services it takes) for each client in the runtime."""
    module = "headrace.runtime"
    for place, node in _definitions().items():
        if place[0] != module:
            continue
        for call in ast.walk(node):
            match call:
                case ast.Call(func=ast.Name(id=adapter), args=arguments):
                    home, name = _imports(module).get(adapter, ("", ""))
                    taken = _definitions().get((home, f"{name}.__init__"))
                    taken = taken or _definitions().get((home, name))
                    for argument in arguments:
                        match argument:
                            case ast.Call(
                                func=ast.Attribute(attr="_client"),
                                args=[ast.Constant(value=str(service))],
                            ):
                                yield place[1], adapter, service, _taken_by(taken)


def _taken_by(definition: ast.AST | None) -> set[str]:
    if not isinstance(definition, ast.FunctionDef):
        return set()
    return {s for one in definition.args.args for s in _service_of(one.annotation)}


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
        todo += _mentioned(place, _definitions()[place])
    return tuple((place[0], _definitions()[place]) for place in sorted(seen))


def _mentioned(place: Place, body: ast.AST) -> Iterator[Place]:
    module, imports = place[0], _imports(place[0])
    called = {id(node.func) for node in ast.walk(body) if isinstance(node, ast.Call)}
    for node in ast.walk(body):
        match node:
            case ast.Name(id=name):
                yield imports.get(name, (module, name))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if (
                imports.get(name, ("", "?"))[1] == ""
            ):
                yield imports[name][0], attribute
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute) if "." in place[1]:
                yield module, f"{place[1].partition('.')[0]}.{attribute}"
            case ast.Attribute(value=value, attr=attribute):
                known = _annotated().get(_last_name(value))
                if known is not None:
                    yield from ((home, f"{kind}.{attribute}") for home, kind in known)
                else:
                    any_of = [p for p in _definitions() if p[1].endswith(f".{attribute}")]
                    yield from (p for p in any_of if id(node) in called or _is_property(p))


def _is_property(place: Place) -> bool:
    decorators = getattr(_definitions()[place], "decorator_list", [])
    return any(_last_name(one) in ("property", "cached_property") for one in decorators)


def _last_name(value: ast.AST | None) -> str:
    """Return the last name in `a`, `x.a` or `a(...)`; nothing of other expressions."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _last_name(function)
        case _:
            return ""


@cache
def _annotated() -> dict[str, frozenset[Place]]:
    """Return name -> the layer's classes that it stands for, by the annotations it has anywhere.

    A name is annotated as a parameter, a field, a property or a function. One that is somewhere
    Any, or assigned what is not of the same name, is left out: it may be of any class.
    """
    found: dict[str, set[Place | None]] = {}
    for module, tree in _trees().items():
        alike: set[int] = set()  # targets of assignments whose class is known
        for node in ast.walk(tree):
            match node:
                case ast.arg(arg=name, annotation=annotation) if name not in ("self", "cls"):
                    found.setdefault(name, set()).update(_classes_in(module, annotation))
                case ast.AnnAssign(target=target, annotation=annotation):
                    alike.add(id(target))
                    name = _last_name(target)
                    found.setdefault(name, set()).update(_classes_in(module, annotation))
                case ast.FunctionDef(name=name, returns=annotation):
                    found.setdefault(name, set()).update(_classes_in(module, annotation))
                case ast.Assign(targets=[target], value=value) if (
                    _last_name(target) == _last_name(value) != ""
                ):
                    alike.add(id(target))
        for node in ast.walk(tree):
            stored = isinstance(getattr(node, "ctx", None), ast.Store) and id(node) not in alike
            if stored and isinstance(node, ast.Name | ast.Attribute):
                found.setdefault(_last_name(node), set()).add(None)
    return {
        name: frozenset(kind for kind in kinds if kind)
        for name, kinds in found.items()
        if None not in kinds
    }


def _classes_in(module: str, annotation: ast.expr | None) -> Iterator[Place | None]:
    """Yield the layer's classes in an annotation, and None where anything may be meant."""
    match annotation:
        case None | ast.Name(id="Any" | "object"):
            yield None
        case ast.Constant(value=str(text)):
            yield from _classes_in(module, ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, right=right):
            yield from _classes_in(module, left)
            yield from _classes_in(module, right)
        case ast.Name(id=name):
            home, kind = _imports(module).get(name, (module, name))
            if any(p[0] == home and p[1].startswith(f"{kind}.") for p in _definitions()):
                yield home, kind
        case _:
            pass  # a container, or nothing of the layer's: no method of ours is called on it
