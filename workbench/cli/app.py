"""`headrace`: the one command for everything that people and CI do with Headrace.

Exit codes: 0 done; 1 failed, with one line that says why and what to do; 2 wrong command line;
130 interrupted; 141 the reader of the pipe closed it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what `headrace --version` does not wait for
    from cyclopts import App

INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = 0
        if given == ["--version"]:
            print(version("headrace"))  # the imports of all other commands take longer
        else:
            code = _run(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nothing left to flush at exit
        return PIPE_CLOSED
    return code


def _run(given: list[str]) -> int:
    from cyclopts import CycloptsError

    from workbench.cli import failures
    from workbench.cli.context import WrongUseError

    try:
        code = made()(given, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        command = " ".join(["headrace", *(error.command_chain or ())])
        return _fail(f"{failures.one_line(error)} See `{command} --help`.", 2)
    except WrongUseError as error:
        return _fail(str(error), 2)
    except Exception as error:
        if said := failures.said(error):
            return _fail(said)
        raise
    return code if isinstance(code, int) else 0


def made() -> App:
    """Return the command line: every command with its options."""
    from cyclopts import App, Parameter

    from workbench.cli import doctor, laptop, ledger, pipelines

    app = App(
        name="headrace",
        help="Batch machine learning on SageMaker: the laptop cloud, pipelines, and the audit.",
        help_format="plaintext",
        version=version("headrace"),
        default_parameter=Parameter(negative=()),
        suppress_keyboard_interrupt=False,
    )
    commands: tuple[Callable[..., object], ...] = (
        *(laptop.up, laptop.down, laptop.env, laptop.demo),
        *(ledger.audit, ledger.lanes, ledger.redrive, doctor.doctor),
    )
    for command in commands:
        app.command(command)
    app.command(pipelines.app)
    app.register_install_completion_command()
    return app


def _fail(said: str, code: int = 1) -> int:
    print(f"error: {said}", file=sys.stderr)
    return code
