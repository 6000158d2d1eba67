"""Requests count as sent over TLS: they never leave this host, and policies require it.

Without this, the statement that every bucket and queue should have, Deny unless
`aws:SecureTransport`, would deny everything, since MiniStack listens on plain HTTP.
"""

from __future__ import annotations

import contextvars

from ministack import app
from ministack.core import iam_evaluator

from local_cloud.ministack import seams


def install() -> None:
    """Mark every request before its policies are evaluated.

    Services that deliver to one another without a request do so over TLS as well.
    """
    if not isinstance(getattr(iam_evaluator, "_request_origin", None), contextvars.ContextVar):
        raise seams.SeamMovedError(
            f"iam_evaluator._request_origin is gone; this seam was written for {seams.VERSION}"
        )
    iam_evaluator._request_origin = contextvars.ContextVar(
        "request_origin", default=("127.0.0.1", True)
    )

    def pin(source_ip: str, secure_transport: bool) -> None:
        pin_request_origin(source_ip, True)

    pin_request_origin = seams.replace(app, "pin_request_origin", "source_ip secure_transport", pin)
