"""Requests count as sent over TLS: they never leave this host, and policies ask for it.

Without this, the statement that every bucket and queue should have, Deny unless
`aws:SecureTransport`, would deny everything, since MiniStack listens on plain HTTP.
"""

from __future__ import annotations

from ministack import app

from local_cloud.ministack import seams


def install() -> None:
    """Say so for every request, before its policies are consulted."""

    def pin(source_ip: str, secure_transport: bool) -> None:
        pin_request_origin(source_ip, True)

    pin_request_origin = seams.replace(app, "pin_request_origin", "source_ip secure_transport", pin)
