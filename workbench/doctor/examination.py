"""All checks of `headrace doctor`, in the order in which their findings are read."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from workbench.doctor import (
    alarms,
    delivery,
    events,
    gitlab,
    images,
    people,
    permissions,
    quotas,
    versions,
)
from workbench.doctor.findings import Finding, run
from workbench.doctor.target import Target

Check = Callable[[Target], Iterable[Finding]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("stack", versions.stack),
    ("settings", versions.files),
    ("permissions", permissions.permissions),
    ("images", images.images),
    ("quotas", quotas.jobs),
    ("concurrency", quotas.concurrency),
    ("notifications", events.notifications),
    ("rules", events.rules),
    ("subscriptions", people.subscriptions),
    ("identity provider", delivery.provider),
    ("delivery role", delivery.trust),
    ("GitLab secret", gitlab.secret),
    ("GitLab API token", gitlab.api_token),
    ("GitLab project", gitlab.project),
    ("GitLab trigger token", gitlab.trigger_token),
    ("pipelines", versions.pipelines),
    ("alarms", alarms.alarms),
    ("dead letters", alarms.dead_letters),
)
NO_ERROR, ERROR, NOT_EXAMINED = 0, 1, 2


def examine(target: Target) -> list[Finding]:
    """Return what all checks find; raises if the caller has no valid credentials."""
    _ = target.caller
    return run((name, partial(check, target)) for name, check in CHECKS)


def exit_code(found: list[Finding]) -> int:
    """Return 1 if an error was found, 2 if nothing could be looked at, else 0."""
    counts = Counter(finding.severity for finding in found)
    if counts["error"]:
        return ERROR
    return NOT_EXAMINED if counts["unknown"] == len(found) else NO_ERROR
