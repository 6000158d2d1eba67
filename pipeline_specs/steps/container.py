"""How a step exits: with 0, or with 1 and an exit message that people can act on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path


class BadInput(Exception):
    """Something the owner of the data can fix: where, what was expected, what was found."""


def leave_message(text: str) -> None:
    """Write what DescribeProcessingJob shows as ExitMessage (at most 1 KB)."""
    path = Path(os.environ.get("MESSAGE_FILE", "/opt/ml/output/message"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.encode()[:1024].decode(errors="ignore"), encoding="utf-8")
    except OSError as error:
        print(f"cannot write the exit message: {error}", file=sys.stderr)


def run(main: Callable[[], int]) -> int:
    """Run `main`; bad input becomes one line, a crash keeps its traceback; both exit with 1."""
    try:
        return main()
    except BadInput as error:
        print(error, file=sys.stderr)
        leave_message(str(error))
        return 1
    except Exception as error:
        leave_message(f"{Path(sys.argv[0]).name} crashed: {type(error).__name__}: {error}")
        raise
