"""SageMaker on a bad day: throttled in bursts, and answers lost after the call worked.

Only calls of roles are hit: functions, state machines, CI. A user's calls (a person at a terminal,
an observing test) are few in an account, and hitting them would only slow down the observer.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app

from local_cloud.chaos.chaos import Bursts, Faults
from local_cloud.sagemaker.core.backplane import access_key
from local_cloud.sagemaker.service import HEADERS, Answer

ROLE_KEY = "ASIA"  # the prefix of the access keys of assumed roles
THROTTLED, LOST = "throttled", "answer lost"

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]


def answer(status: int, code: str, message: str) -> Answer:
    return status, dict(HEADERS), json.dumps({"__type": code, "message": message}).encode()


def troubled(faults: Faults, handler: Handler) -> Handler:
    """The handler of SageMaker's requests, with faults before and after it."""
    kinds = {THROTTLED: faults.chaos.throttled_calls, LOST: faults.chaos.lost_answers}
    bursts = Bursts(faults, "sagemaker", kinds)

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        trouble = None
        if access_key(headers, query).startswith(ROLE_KEY):
            trouble = bursts.strike(operation)
        if trouble == THROTTLED:
            faults.note(trouble, f"SageMaker.{operation}", "not done")
            return answer(400, "ThrottlingException", "Rate exceeded")
        answered = await handler(method, path, headers, body, query)
        if trouble == LOST:
            faults.note(trouble, f"SageMaker.{operation}", f"was {answered[0]}")
            return answer(500, "InternalFailure", "An internal error occurred")
        return answered

    return handle


def install(faults: Faults) -> None:
    """Put faults in front of SageMaker's API; its engine, behind the API, sees none."""
    app.SERVICE_HANDLERS["sagemaker"] = troubled(faults, app.SERVICE_HANDLERS["sagemaker"])
