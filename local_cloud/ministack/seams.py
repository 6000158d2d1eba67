"""Replacing a private function of MiniStack, or refusing loudly when it is not what we know."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

VERSION = "1.5.33"


class SeamMovedError(Exception):
    """MiniStack no longer has what a seam replaces; the seam must be looked at again."""


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
