"""Replaces private functions of MiniStack, and fails loudly when a new version has moved them.

Each module named after a thing of AWS replaces a few private functions of MiniStack where it
differs from AWS, over `replace`.

What AWS does and the laptop cloud still does not:
- functions are processes on this host: no memory limit, no read-only root, the host's Python;
- Step Functions executions that run when the cloud stops are Failed (`States.ServiceRestart`);
- `.waitForTaskToken`, nested executions and `events:putEvents` do not use the state machine's role;
- EventBridge Scheduler neither assumes its role nor has retries and a dead-letter queue;
- trust policies of service roles, KMS key policies and resource policies on log groups are not
  consulted when one service acts for another.
- the signature of a web identity token is not checked, only its issuer, audience and subject;
- state is saved on a graceful stop only: a killed server starts from the stop before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

VERSION = "1.5.33"


class SeamMovedError(Exception):
    """MiniStack no longer has what a seam replaces; the seam must be reviewed."""


def replace(owner: Any, name: str, parameters: str, replacement: Any) -> Callable[..., Any]:
    """Put `replacement` in the place of `owner.name` and return what was there.

    `parameters` are the names of the parameters it must have, as in `"arn payload"`.
    """
    where = f"{getattr(owner, '__name__', owner)}.{name}"
    original = getattr(owner, name, None)
    if not callable(original):
        raise SeamMovedError(f"MiniStack has no {where}; these seams were written for {VERSION}")
    found = " ".join(inspect.signature(original).parameters)
    if found != parameters:
        raise SeamMovedError(
            f"MiniStack's {where} takes ({found}) and not ({parameters}); "
            f"these seams were written for {VERSION}"
        )
    setattr(owner, name, replacement)
    return cast(Callable[..., Any], original)
