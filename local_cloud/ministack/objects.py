"""S3 events name the version of the object and tell whole seconds, as on AWS."""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

from local_cloud.ministack import seams

_version: ContextVar[str | None] = ContextVar("version of the object an S3 event is about")


def install() -> None:
    """Carry the version, which MiniStack knows, into the event it leaves it out of."""
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
