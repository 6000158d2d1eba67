"""Trims botocore's service descriptions, certificates and modules to what the functions use.

    PYTHONPATH=PYTHON_FOLDER python trim.py PYTHON_FOLDER < operations.json

A cold start reads the description of each service it calls: SageMaker's alone costs more than the
rest of the function. Operations that are not listed, shapes that no listed operation uses, and
documentation are removed; the same requests still go to the same endpoints. A call that is not
listed is an AttributeError, so a test compares the list to the code.

Each connection reads the certificates of all authorities again, 20 ms for the 120 that browsers
trust. AWS's own certificates lead to Amazon's roots (https://www.amazontrust.com/repository), or,
in older partitions, to DigiCert's.

A tenth of botocore's modules only writes the text that `help()` shows of a client, and the first
client would import them. urllib3 imports what reads packages' metadata, only to look for an HTTP/2
library that is not installed.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

# A service's description, how its endpoints are found and how its lists are paged.
PARTS = ("service-2", "endpoint-rule-set-1", "paginators-1")
AUTHORITIES = ("Amazon", "Starfield", "DigiCert")
NO_HELP = '''\
"""The documentation of clients, trimmed."""


class ClientMethodDocstring(str):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)


WaiterDocstring = PaginatorDocstring = ClientMethodDocstring
'''


def trim(data: Path, operations: dict[str, list[str]]) -> None:
    """Trim botocore's data folder in place."""
    loader = Loader([str(data)], include_default_search_paths=False)
    prefixes = set()
    for service in sorted(path.name for path in data.iterdir() if path.is_dir()):
        if service not in operations:
            shutil.rmtree(data / service)
    for service, names in operations.items():
        version = loader.determine_latest_version(service, "service-2")
        # Loaded by botocore itself, which corrects the descriptions while loading.
        parts = {part: loader.load_service_model(service, part) for part in PARTS}
        description, pages = parts["service-2"], parts["paginators-1"]["pagination"]
        prefixes.add(description["metadata"]["endpointPrefix"])
        parts["service-2"] = _trimmed(description, names)
        parts["paginators-1"] = {"pagination": {n: pages[n] for n in names if n in pages}}
        shutil.rmtree(data / service)
        (data / service / version).mkdir(parents=True)
        for part, document in parts.items():
            # Not compressed: the layer's zip is, and unpacking would slow down a cold start.
            _write(data / service / version / f"{part}.json", document)
    endpoints = loader.load_data("endpoints")
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in prefixes}
    _write(data / "endpoints.json", endpoints)


def trim_authorities(bundle: Path) -> None:
    """Remove from a bundle, whose comments name each authority, those that AWS does not use."""
    head = "# Issuer: "
    entries = [head + entry for entry in bundle.read_text(encoding="utf-8").split(head)[1:]]
    kept = [
        e for e in entries if any(f"O={name}" in e or f"CN={name}" in e for name in AUTHORITIES)
    ]
    if not all(any(f"CN={name}" in entry for entry in kept) for name in ("Amazon", "Starfield")):
        raise SystemExit(f"{bundle}: unexpected format, or Amazon's certificates are missing")
    bundle.write_text("".join(kept), encoding="utf-8")


def trim_http2(http2: Path) -> None:
    """Remove urllib3's HTTP/2 support, which is off by default and needs `h2`."""
    (http2 / "__init__.py").write_text("", encoding="utf-8")


def trim_documentation(docs: Path) -> None:
    """Remove the modules that write documentation; keep those that botocore always imports."""
    for path in docs.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("__init__.py", "utils.py"):
            path.unlink()
    (docs / "__init__.py").write_text("", encoding="utf-8")
    (docs / "docstring.py").write_text(NO_HELP, encoding="utf-8")


def _trimmed(description: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a service's description with these operations and the shapes they are made of."""
    operations = {name: _plain(description["operations"][name]) for name in names}
    shapes: dict[str, Any] = {}
    todo = _references(operations)
    while todo:
        name = todo.pop()
        if name not in shapes:
            shape = _plain(description["shapes"][name])
            if "members" in shape:
                shape["members"] = {m: _plain(of) for m, of in shape["members"].items()}
            shapes[name] = shape
            todo += _references(shape)
    shapes = dict(sorted(shapes.items()))
    return {**_plain(description), "operations": operations, "shapes": shapes}


def _references(node: Any) -> list[str]:
    """Return the names of the shapes that are mentioned anywhere in a part of a description."""
    if isinstance(node, dict):
        own = [node["shape"]] if isinstance(node.get("shape"), str) else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "documentation"}


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    botocore_folder = Path(sys.argv[1], "botocore")
    try:
        trim(botocore_folder / "data", json.load(sys.stdin))
        trim_authorities(botocore_folder / "cacert.pem")
        trim_documentation(botocore_folder / "docs")
        trim_http2(Path(sys.argv[1], "urllib3", "http2"))
    except (UnknownServiceError, KeyError) as error:
        raise SystemExit(f"operations.json: botocore has no {error}") from error
