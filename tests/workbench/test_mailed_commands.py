"""Every `headrace` command that a mail prints is one that the command line accepts."""

import re
import shlex
from pathlib import Path

import pytest

from tests.headrace import golden_messages
from workbench.cli import app

MAILS = sorted(golden_messages.FOLDER.iterdir())


def commands_in(text: str) -> list[str]:
    """Return the commands in a mail: lines of their own, and those between backticks."""
    joined = text.replace("\\\n", " ")
    return [
        *re.findall(r"^ *(headrace .+)$", joined, re.MULTILINE),
        *re.findall(r"`(headrace [^`]+)`", joined),
    ]


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail.stem)
def test_the_command_line_accepts_what_a_mail_prints(mail: Path) -> None:
    for command in commands_in(mail.read_text("utf-8")):
        typed = shlex.split(command)[1:]
        app.made().parse_args(typed, exit_on_error=False, print_error=False)


def test_mails_print_commands() -> None:
    printed = [one for mail in MAILS for one in commands_in(mail.read_text("utf-8"))]
    for words in ("headrace lanes", "headrace pipelines start", "headrace pipelines refresh"):
        assert any(command.startswith(words) for command in printed), words
