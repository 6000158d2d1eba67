"""`headrace up | down | env | demo`: AWS and GitLab on a laptop, and the main job in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.domain.errors import PermanentError

from workbench.cli.context import USUAL, Common

HOME = Path(".headrace")
DEMO_HOME = Path(__file__).resolve().parents[2] / ".headrace" / "demo"


@contextmanager
def _failing_in_a_line(home: Path) -> Iterator[None]:
    """Turn what is expected to go wrong on a laptop into one line that names the logs."""
    from local_cloud import foreground

    try:
        yield
    except foreground.EXPECTED as error:
        first, *rest = str(error).splitlines()
        if rest:  # the end of a log, or of what a tool said; the last line says most
            first = f"{first} {rest[-1].strip()}; more is in {home / 'logs'}"
        raise PermanentError(first) from error
    except OSError as error:
        if not error.filename:
            raise
        raise PermanentError(
            f"{error.filename}: {error.strerror}; choose another --home"
        ) from error


def up(
    *,
    home: Path = HOME,
    alert_email: str = "alerts@example.com",
    no_pipelines: bool = False,
    chaos: int | None = None,
    common: Common = USUAL,
) -> None:
    """Start the laptop cloud in the foreground, until Ctrl-C.

    Parameters
    ----------
    home
        The folder that holds its state.
    alert_email
        Who gets operational mail.
    no_pipelines
        Do not have CI create the pipelines.
    chaos
        Inject faults, by this seed.
    """
    common.refuse_account()
    from local_cloud import foreground
    from local_cloud.chaos.chaos import Chaos
    from local_cloud.cloud import Cloud

    with _failing_in_a_line(home):
        cloud = Cloud(
            home,
            alert_email=alert_email,
            stack_name=common.stack,
            chaos=None if chaos is None else Chaos(chaos),
            say=common.say,
        )
        foreground.up(cloud, not no_pipelines, common.say)


def down(*, home: Path = HOME, common: Common = USUAL) -> None:
    """Stop the laptop cloud; its state is kept.

    Parameters
    ----------
    home
        The folder that holds its state.
    """
    common.refuse_account()
    from local_cloud import foreground

    with _failing_in_a_line(home):
        common.say(foreground.down(home))


def env(*, home: Path = HOME, common: Common = USUAL) -> None:
    """Print the variables that point the AWS CLI and anything else at the laptop cloud.

    eval "$(headrace env)" sets them in a shell.

    Parameters
    ----------
    home
        The folder that holds its state.
    """
    common.refuse_account()
    from local_cloud import foreground

    with _failing_in_a_line(home):
        variables = foreground.variables(home)
    common.show(
        variables, (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    )


def demo(*, keep: bool = False, home: Path = DEMO_HOME, common: Common = USUAL) -> int:
    """Run the main job on real data, in an empty laptop cloud of its own.

    Exits with 0 only if each of its stages really succeeded.

    Parameters
    ----------
    keep
        Leave the cloud running at the end, until Ctrl-C.
    home
        The folder that holds its state; it is emptied first.
    """
    common.refuse_account()
    from demo.main_job import run

    return run(home.resolve(), keep, common.say, live=not common.json)
