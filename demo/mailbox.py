"""Reads mails from the Maildir that the laptop cloud delivers to."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as its reader sees it; `sent` is in Unix seconds."""

    file: Path
    recipients: tuple[str, ...]
    subject: str
    text: str
    sent: float


def mails(folder: Path) -> list[Mail]:
    """Return every mail of a Maildir, the oldest first."""
    files = [path for part in ("new", "cur") for path in (folder / part).glob("*")]
    return sorted((_read(path) for path in files), key=lambda mail: (mail.sent, mail.file.name))


def about(found: Iterable[Mail], *words: str) -> list[Mail]:
    """Return the mails whose subject or text contains all of the words."""
    return [mail for mail in found if all(word in f"{mail.subject}\n{mail.text}" for word in words)]


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 (what this policy makes)
    sent = parsedate_to_datetime(str(message["Date"])).timestamp()
    recipients = tuple(one.addr_spec for one in message["To"].addresses)
    body = message.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    return Mail(path, recipients, str(message["Subject"]), text.replace("\r\n", "\n"), sent)
