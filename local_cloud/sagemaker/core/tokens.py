"""Idempotency tokens: the same token with the same request gives the first answer again."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any

from local_cloud.sagemaker.core.errors import conflict
from local_cloud.sagemaker.core.operations import Call
from local_cloud.sagemaker.core.validation import operation_model, wire

# SageMaker does not document for how long it remembers a token; this is our assumption.
WINDOW = timedelta(hours=8)
MEMBERS = ("ClientRequestToken", "ClientToken")


def member_of(operation: str) -> str | None:
    """The input member that is the operation's token, if it has one."""
    shape = operation_model(operation).input_shape
    members = shape.members if shape is not None else {}
    return next((member for member in MEMBERS if member in members), None)


def filled(operation: str, request: Any) -> Any:
    """The request, with a token generated where the SDK would have done so."""
    member = member_of(operation)
    if member is None or not isinstance(request, dict) or request.get(member):
        return request
    if not operation_model(operation).input_shape.members[member].metadata.get("idempotencyToken"):
        return request
    return {**request, member: str(uuid.uuid4())}


def recalled(
    call: Call, operation: str, request: dict[str, Any], window: timedelta
) -> dict[str, Any] | None:
    """The answer given before to this very request; ConflictException if the rest differs."""
    key = _key(operation, request)
    kept = call.table("tokens").get(key) if key else None
    if kept is None or call.now - kept["time"] > window:
        return None
    if kept["fingerprint"] != _fingerprint(operation, request):
        raise conflict(
            f"The {member_of(operation)} was used before with other parameters in {operation}"
        )
    response: dict[str, Any] = kept["response"]
    return response


def remember(call: Call, operation: str, request: dict[str, Any], response: dict[str, Any]) -> None:
    """Keep the answer for the length of the window."""
    key = _key(operation, request)
    if key:
        call.table("tokens")[key] = {
            "fingerprint": _fingerprint(operation, request),
            "time": call.now,
            "response": response,
        }


def forget_old(call: Call, window: timedelta) -> None:
    """Drop the tokens whose window is over."""
    kept = call.table("tokens")
    for key in [key for key, row in kept.items() if call.now - row["time"] > window]:
        del kept[key]


def _key(operation: str, request: dict[str, Any]) -> str | None:
    member = member_of(operation)
    return f"{operation}/{request[member]}" if member and member in request else None


def _fingerprint(operation: str, request: dict[str, Any]) -> str:
    member = member_of(operation)
    rest = {name: value for name, value in request.items() if name != member}
    return hashlib.sha256(json.dumps(wire(rest), sort_keys=True).encode()).hexdigest()
