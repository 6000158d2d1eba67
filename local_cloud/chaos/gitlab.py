"""GitLab on a bad day: throttled, down, connections cut, answers too late.

Only its API is hit, not the runners' downloads and not the verification of tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from local_cloud.chaos.chaos import Bursts, Faults
from local_cloud.gitlab.requests import Answer, Request

THROTTLED, DOWN, CUT, LOST, LATE = "throttled", "down", "cut", "answer lost", "late"
RETRY_AFTER = 2  # seconds, in the answer to throttled requests
KINDS = (THROTTLED, DOWN, CUT, LOST, LATE)


def around(faults: Faults) -> Callable[[Request, Callable[[Request], Answer]], Answer]:
    """The wrapper of each request: `(request, respond) -> answer`; ConnectionError cuts it."""
    share = faults.chaos.gitlab / len(KINDS)
    bursts = Bursts(faults, "gitlab", dict.fromkeys(KINDS, share), once=frozenset({LATE}))

    def respond(request: Request, answer: Callable[[Request], Answer]) -> Answer:
        route = f"{request.method} {request.path}"
        is_api = request.path.startswith("/api/")
        trouble = bursts.strike(request.method) if is_api else None
        if trouble is None:
            return answer(request)
        if trouble in (THROTTLED, DOWN, CUT):
            faults.note(trouble, "GitLab", route)
            if trouble == THROTTLED:
                return Answer(429, "Retry later\n", {"Retry-After": str(RETRY_AFTER)})
            if trouble == DOWN:
                return Answer(503, "GitLab is not responding\n")
            raise ConnectionAbortedError(route)
        answered = answer(request)
        faults.note(trouble, "GitLab", f"{route} was {answered.status}")
        if trouble == LOST:
            raise ConnectionAbortedError(route)
        time.sleep(faults.chaos.gitlab_late_seconds)
        return answered

    return respond
