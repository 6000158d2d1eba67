"""`headrace`: everything people and CI do with Headrace, under one roof.

Exit codes: 0 done; 1 it failed, and one line says why and what to do; 2 the command line is wrong;
130 interrupted; 141 the reader of a pipe went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = 0
        if given == ["--version"]:
            print(version("headrace"))  # what everything else needs takes longer to import
        else:
            code = _run(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing to flush at exit
        return PIPE_CLOSED
    return code


def _run(given: list[str]) -> int:
    from cyclopts import CycloptsError
    from headrace.domain.errors import HeadraceError

    try:
        code = _app()(given, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        command = " ".join(["headrace", *(error.command_chain or ())])
        return _fail(f"{_one_line(error)} See `{command} --help`.", 2)
    except HeadraceError as error:
        return _fail(str(error))
    except Exception as error:
        if said := _of_aws(error):
            return _fail(said)
        raise
    return code if isinstance(code, int) else 0


def _app() -> Callable[..., object]:
    from cyclopts import App, Parameter

    from workbench.cli import laptop, ledger, pipelines

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
        *(ledger.audit, ledger.lanes, ledger.redrive),
    )
    for command in commands:
        app.command(command)
    app.command(pipelines.app)
    app.register_install_completion_command()
    return app


def _of_aws(error: Exception) -> str | None:
    """Return what an error of AWS's library means for whoever ran the command."""
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "no AWS credentials; run `aws configure` or `aws sso login`, or choose a --profile"
    if isinstance(error, exceptions.NoRegionError):
        from workbench.cli.context import NO_REGION

        return NO_REGION
    if isinstance(error, exceptions.ProfileNotFound):
        return f"{_one_line(error)}; `aws configure list-profiles` names those there are"
    if isinstance(error, exceptions.EndpointConnectionError):
        return f"{_one_line(error)}; is AWS_ENDPOINT_URL right, and does the region exist?"
    if isinstance(error, exceptions.BotoCoreError | exceptions.ClientError):
        return _one_line(error)
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _fail(said: str, code: int = 1) -> int:
    print(f"error: {said}", file=sys.stderr)
    return code
