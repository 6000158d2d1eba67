"""Lambda's asynchronous invocations: a queue per function, retries, and the failure's destination.

MiniStack counts a throttled attempt as a failed one and gives up after three; AWS keeps a
throttled event for six hours. Here an event waits its turn behind a few threads per function.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core.responses import _request_account_id, _request_region, new_uuid
from ministack.services import lambda_svc

from local_cloud.ministack import functions, roles, seams

logger = logging.getLogger("local_cloud.asynchronous")

RETRY_SECONDS = 1.0  # AWS waits one minute before the first retry and two before the second
THROTTLED_SECONDS = 0.2

_queues: dict[str, ThreadPoolExecutor] = {}
_lock = threading.Lock()
_waiting = 0
_idle = threading.Condition(_lock)


class Invocation:
    """An event queued for a function."""

    def __init__(self, func: dict[str, Any], event: Any) -> None:
        self.func, self.event = func, event
        self.config = func.get("config") or func
        configs = func.get("event_invoke_configs") or {}
        self.settings = func.get("event_invoke_config") or configs.get("$LATEST") or {}
        self.born, self.failures = time.monotonic(), 0
        self.request_id = str(new_uuid())

    def attempt(self) -> float | None:
        """Invoke once; returns the seconds until the next attempt, or None when it is over."""
        account, region = lambda_svc._account_region_from_function_config(self.config)
        _request_account_id.set(account)
        _request_region.set(region)
        functions.request_id_of_event.set(self.request_id)
        result = lambda_svc._execute_function(self.func, self.event)
        if not result.get("error"):
            return None
        if result.get("throttle"):
            delay = THROTTLED_SECONDS
        else:
            self.failures += 1
            delay = RETRY_SECONDS * self.failures
        age_limit = int(self.settings.get("MaximumEventAgeInSeconds") or 21600)
        retries = self.settings.get("MaximumRetryAttempts")
        too_often = self.failures > (2 if retries is None else int(retries))
        if not too_often and time.monotonic() - self.born + delay <= age_limit:
            return delay
        self._give_up(result)
        return None

    def _give_up(self, result: dict[str, Any]) -> None:
        name = self.config.get("FunctionName", "unknown")
        on_failure = (self.settings.get("DestinationConfig") or {}).get("OnFailure") or {}
        dead_letter = (self.config.get("DeadLetterConfig") or {}).get("TargetArn")
        target = on_failure.get("Destination") or dead_letter
        logger.warning("%s failed for good: %s", name, result.get("body"))
        if target:
            service = target.split(":")[2]
            action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}.get(service)
            if action:
                roles.require(self.config["Role"], name, action, target)
            lambda_svc._route_async_failure(target, name, self.event, result)


def invoke(func: dict[str, Any], event: Any) -> None:
    """Queue the event and return."""
    global _waiting
    invocation = Invocation(func, event)
    with _lock:
        _waiting += 1
    _submit(invocation)


def _submit(invocation: Invocation) -> None:
    arn = invocation.config.get("FunctionArn", "")
    with _lock:
        if arn not in _queues:
            _queues[arn] = ThreadPoolExecutor(functions.ENVIRONMENTS, "lambda-async")
        executor = _queues[arn]
    executor.submit(contextvars.copy_context().run, _run, invocation)


def _run(invocation: Invocation) -> None:
    global _waiting
    delay: float | None = None
    try:
        delay = invocation.attempt()
    except Exception:
        logger.exception("asynchronous invocation of %s", invocation.config.get("FunctionName"))
    if delay is not None:
        timer = threading.Timer(delay, _submit, [invocation])
        timer.daemon = True
        timer.start()
        return
    with _lock:
        _waiting -= 1
        _idle.notify_all()


def drain(seconds: float) -> bool:
    """Wait until no event is queued; False if some still are after `seconds`."""
    with _lock:
        return _idle.wait_for(lambda: _waiting == 0, seconds)


def install() -> None:
    """Every asynchronous invocation, S3's, EventBridge's and the API's, goes through `invoke`."""
    seams.replace(lambda_svc, "invoke_async_with_retry", "func event", invoke)
