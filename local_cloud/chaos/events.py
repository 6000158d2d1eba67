"""EventBridge on a bad day: events lost or sent twice, deliveries doubled, late or out of order.

SageMaker's events are best effort: one may not reach the bus at all, or arrive as two events with
two ids. An event on the bus is delivered at least once and in no order, to each target separately.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import eventbridge

from local_cloud.chaos.chaos import Faults
from local_cloud.ministack import seams

BEST_EFFORT = "aws.sagemaker"


class Later:
    """Postponed calls, each made once: when it is due, or when all are flushed."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[threading.Timer, Callable[[], None]]] = {}
        self._lock = threading.Lock()

    def put_off(self, seconds: float, function: Callable[..., None], *given: Any) -> str:
        """Call the function after some seconds, in this context; returns the call's name."""
        context, name = contextvars.copy_context(), str(new_uuid())
        timer = threading.Timer(seconds, self.call_now, [name])
        timer.daemon = True
        with self._lock:
            self._calls[name] = (timer, lambda: context.run(function, *given))
        timer.start()
        return name

    def call_now(self, name: str) -> None:
        """Make a postponed call now, unless it was made already."""
        with self._lock:
            timer, call = self._calls.pop(name, (None, None))
        if timer is not None and call is not None:
            timer.cancel()
            call()

    def call_all_now(self) -> None:
        for name in list(self._calls):
            self.call_now(name)


class Deliveries:
    """Deliveries of rules to their targets; `send` is MiniStack's with the seam of `rules`."""

    def __init__(self, faults: Faults, later: Later, send: Callable[..., None]) -> None:
        self._faults, self._later, self._send = faults, later, send
        self._overtaken: dict[str, list[str]] = {}

    def deliver(
        self,
        target: dict[str, Any],
        event: dict[str, Any],
        rule: dict[str, Any],
        view: Any = None,
        attempts: int = 0,
    ) -> None:
        """Deliver now, twice, later, or after the next one to this target."""
        chaos, given = self._faults.chaos, (target, event, rule, view, attempts)
        where = f"{event.get('DetailType')} to {target.get('Arn', '').rsplit(':', 1)[-1]}"
        before = self._overtaken.pop(where, [])
        if self._strikes("doubled", where, chaos.doubled_deliveries):
            seconds = self._delay("doubled", where)
            self._faults.note("doubled", where, f"once more in {seconds:.1f} s")
            self._later.put_off(seconds, self._send, *given)
        if self._strikes("overtaken", where, chaos.overtaken_deliveries):
            self._faults.note("overtaken", where, "held back until the next one")
            name = self._later.put_off(chaos.longest_delay, self._send, *given)
            self._overtaken.setdefault(where, []).append(name)
        elif self._strikes("late", where, chaos.late_deliveries):
            seconds = self._delay("late", where)
            self._faults.note("late", where, f"by {seconds:.1f} s")
            self._later.put_off(seconds, self._send, *given)
        else:
            self._send(*given)
        for name in before:
            self._later.call_now(name)

    def _strikes(self, kind: str, where: str, share: float) -> bool:
        return self._faults.strikes(f"delivery {kind}", where, share)

    def _delay(self, kind: str, where: str) -> float:
        return self._faults.dice(f"delay {kind}", where).uniform(
            0, self._faults.chaos.longest_delay
        )


def install(faults: Faults) -> Callable[[], None]:
    """Inject faults around the bus; returns a function that delivers what is postponed."""
    later = Later()

    def dispatch(event: dict[str, Any], view: Any = None) -> None:
        if event.get("Source") == BEST_EFFORT:
            what, detail = str(event.get("DetailType")), event.get("Detail", "")
            if faults.strikes("event lost", what, faults.chaos.lost_events):
                faults.note("lost", what, detail)
                return
            if faults.strikes("event doubled", what, faults.chaos.doubled_events):
                faults.note("doubled", what, f"sent under another id as well: {detail}")
                seconds = faults.dice("event delay", what).uniform(0, faults.chaos.longest_delay)
                later.put_off(seconds, dispatch_event, {**event, "EventId": new_uuid()})
        dispatch_event(event, view)

    def deliver(*given: Any) -> None:
        deliveries.deliver(*given)

    dispatch_event = seams.replace(eventbridge, "_dispatch_event", "event view", dispatch)
    send = seams.replace(eventbridge, "_invoke_target", "target event rule view attempts", deliver)
    deliveries = Deliveries(faults, later, send)
    return later.call_all_now
