"""`headrace up | down | env | demo`: AWS and GitLab on a laptop, and the main job in it."""

from __future__ import annotations

import shlex
from pathlib import Path

from headrace.domain.errors import PermanentError

from workbench.cli.context import USUAL, Common

HOME = Path(".headrace")
DEMO_HOME = Path(__file__).resolve().parents[2] / ".headrace" / "demo"


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
    from local_cloud import foreground
    from local_cloud.chaos.chaos import Chaos
    from local_cloud.cloud import Cloud

    trouble = None if chaos is None else Chaos(chaos)
    try:
        foreground.up(
            Cloud(
                home,
                alert_email=alert_email,
                stack_name=common.stack,
                chaos=trouble,
                say=common.say,
            ),
            not no_pipelines,
            common.say,
        )
    except foreground.EXPECTED as error:
        raise PermanentError(str(error)) from error


def down(*, home: Path = HOME, common: Common = USUAL) -> None:
    """Stop the laptop cloud; its state is kept.

    Parameters
    ----------
    home
        The folder that holds its state.
    """
    from local_cloud import foreground

    try:
        common.say(foreground.down(home))
    except foreground.EXPECTED as error:
        raise PermanentError(str(error)) from error


def env(*, home: Path = HOME, common: Common = USUAL) -> None:
    """Print the variables that point the AWS CLI and anything else at the laptop cloud.

    eval "$(headrace env)" sets them in a shell.

    Parameters
    ----------
    home
        The folder that holds its state.
    """
    from local_cloud import foreground

    try:
        variables = foreground.variables(home)
    except foreground.EXPECTED as error:
        raise PermanentError(str(error)) from error
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
    from demo.main_job import run

    return run(home.resolve(), keep, common.say, live=not common.json)
