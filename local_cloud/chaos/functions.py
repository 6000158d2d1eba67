"""Lambda on a bad day: the process of a function is killed in the middle of an invocation.

The moment is drawn from the function's previous duration, so that it falls before, between and
after its effects. What then happens is up to the service: an asynchronous event is retried, a queue
message is redelivered, a state machine follows its Retry.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from ministack.core import lambda_runtime

from local_cloud.chaos.chaos import Faults
from local_cloud.ministack import seams

USUAL_SECONDS = 0.1  # of a function that has not run yet
_LOOK_SECONDS = 0.002


class Killer:
    """Decides which invocation is killed, and when, and kills it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._took: dict[str, float] = {}
        self._hit: set[tuple[str, str]] = set()

    def moment(self, name: str, event: Any) -> float | None:
        """Seconds until the kill, or None; an event is hit only once, so that retries help."""
        key = (name, json.dumps(event, sort_keys=True, default=str))
        if key in self._hit:
            return None
        if not self._faults.strikes("killed", name, self._faults.chaos.killed_functions):
            return None
        self._hit.add(key)
        span = self._took.get(name, USUAL_SECONDS)
        return self._faults.dice("moment", name).uniform(0, span)

    def watch(self, worker: Any, request_id: str, moment: float | None, over: Any) -> None:
        """Wait until the function has its event, then kill it in time, or record how long it took.

        Starting the process takes longer than most events; a kill should hit the work.
        """
        name = worker.func_name
        while worker._current_request_id != request_id or not worker._pending.empty():
            if over.wait(_LOOK_SECONDS):
                return
        began = time.monotonic()
        if moment is None:
            over.wait()
            self._took[name] = time.monotonic() - began
        elif not over.wait(moment) and (process := worker._proc) is not None:
            process.kill()
            self._faults.note("killed", name, f"{moment * 1000:.0f} ms into {request_id}")


def install(faults: Faults) -> None:
    """Have every invocation watched while faults are on."""
    killer = Killer(faults)

    def invoke(
        worker: Any,
        event: Any,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> Any:
        over = threading.Event()
        given = (worker, request_id, killer.moment(worker.func_name, event), over)
        watcher = threading.Thread(target=killer.watch, args=given, daemon=True)
        watcher.start()
        try:
            return run(
                worker,
                event,
                request_id,
                trace_id=trace_id,
                invoked_function_arn=invoked_function_arn,
            )
        finally:
            over.set()
            watcher.join()

    run = seams.replace(
        lambda_runtime.ProvidedWorker,
        "invoke",
        "self event request_id trace_id invoked_function_arn",
        invoke,
    )
