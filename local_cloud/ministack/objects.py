"""Corrects MiniStack's S3 where it differs from AWS.

Events name the version of the object and have whole seconds. Only callers who may list the bucket
get 404 for a missing object; others get 403.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.iam_actions import access_denied_response
from ministack.core.responses import get_region, new_uuid
from ministack.core.router import extract_access_key_id
from ministack.services import eventbridge, s3

from local_cloud.ministack import seams

_version: ContextVar[str | None] = ContextVar("version of the object an S3 event is about")


def install() -> None:
    """Correct the events, and the error for a missing object."""
    _hide_what_is_missing()
    _complete_events()


def _hide_what_is_missing() -> None:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        answer = await served(method, path, headers, body, query)
        bucket, _, key = path.lstrip("/").partition("/")
        if answer[0] != 404 or method not in ("GET", "HEAD") or not key or not app.AUTH:
            return answer
        denied = iam_evaluator.enforce(
            extract_access_key_id(headers, query),
            "s3:ListBucket",
            "s3",
            get_region(),
            resource_arn=f"arn:aws:s3:::{bucket}",
        )
        if denied is None:
            return answer
        who = getattr(denied, "principal_arn", "")
        return access_denied_response("s3", "s3:ListBucket", who, new_uuid(), headers=headers)

    served = app.SERVICE_HANDLERS["s3"]
    app.SERVICE_HANDLERS["s3"] = handle


def _complete_events() -> None:
    """Add the object's version, which MiniStack leaves out, to the event."""
    parameters = (
        "bucket_name key event_name size etag deletion_type restore_event_data version_id "
        "sequencer object_extra record_extra"
    )

    def fire(*args: Any, **kwargs: Any) -> None:
        token = _version.set(kwargs.get("version_id"))
        try:
            fire_event(*args, **kwargs)
        finally:
            _version.reset(token)

    def dispatch(event: dict[str, Any], view: Any = None) -> None:
        version = _version.get(None)
        if event.get("Source") == "aws.s3" and isinstance(event.get("Time"), str):
            event = {**event, "Time": event["Time"].removesuffix("Z").split(".")[0] + "Z"}
        if event.get("Source") == "aws.s3" and version:
            detail = json.loads(event["Detail"])
            detail["object"].setdefault("version-id", version)
            event = {**event, "Detail": json.dumps(detail)}
        dispatch_event(event, view)

    fire_event = seams.replace(s3, "_fire_s3_event", parameters, fire)
    dispatch_event = seams.replace(eventbridge, "_dispatch_event", "event view", dispatch)
