"""Least privilege, measured: permissions of the template's roles that were never used.

`python -m checks.permissions FOLDER [--all]` reads what the tests' laptop clouds left there (see
`measured`) and fails on every permission that no role used in any of them, unless
unused_permissions.yaml says why it must stay. `make iam-report` runs those tests first.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from local_cloud.cloud import Cloud
from local_cloud.ministack.permissions import Use, uses

EXPLANATIONS = Path(__file__).parent / "unused_permissions.yaml"
FOLDER = "IAM_REPORT"  # the environment variable that makes tests record permissions
# The minimum of a reliable measurement; fewer records mean that it went wrong.
LEAST_USES = 50


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One action on one resource that a statement of a role allows."""

    role: str  # as the template calls it
    sid: str
    action: str
    number: int  # of the resource in its statement; its name differs from cloud to cloud
    resource: str

    def allows(self, use: Use) -> bool:
        """Return whether this grant allows a use by its role; IAM has evaluated the conditions."""
        return _matches(use.action.lower(), self.action.lower()) and _matches(
            use.resource, self.resource
        )

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The grant's identity across clouds."""
        return self.role, self.sid, self.action, self.number

    def __str__(self) -> str:
        return f"{self.role} {self.sid}: {self.action} on {self.resource}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an action of a statement may stay although no test used it."""

    role: str
    sid: str
    action: str
    why: str

    def explains(self, grant: Grant) -> bool:
        """Return whether this explains the grant."""
        return (self.role, self.sid, self.action) == (grant.role, grant.sid, grant.action)

    def __str__(self) -> str:
        return f"{self.role} {self.sid}: {self.action}"


# The record of one cloud: each grant, and whether it was used.
Seen = list[tuple[Grant, bool]]


@contextmanager
def measured(cloud: Cloud) -> Iterator[None]:
    """Record the use of permissions in a cloud, in each of its accounts, if a report is requested.

    Wraps everything that happens there, including its end.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        yield
        return
    sessions = (cloud.session(), *map(cloud.session, cloud.info["accounts"]))
    allowed = [one for session in sessions for one in of_stack(session, cloud.stack_name)]
    yield
    seen, recorded = [], list(uses(cloud.permissions))
    for account, role, grant in allowed:
        its = (use for use in recorded if (use.account, use.role) == (account, role))
        seen.append([*astuple(grant), any(map(grant.allows, its))])
    path = Path(folder) / f"{cloud.home.parent.name}-{cloud.home.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(seen))


def of_stack(session: Any, stack: str) -> Iterator[tuple[str, str, Grant]]:
    """Yield what a deployed stack's roles may do: account, the role's name there, the grant."""
    account = session.client("sts").get_caller_identity()["Account"]
    iam = session.client("iam")
    for role, name in _roles(session, stack):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for grant in grants(role, document):
                yield account, name, grant


def grants(role: str, document: dict[str, Any]) -> Iterator[Grant]:
    """Yield what a policy document allows."""
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            for action in _list(statement["Action"]):
                for number, resource in enumerate(_list(statement["Resource"])):
                    yield Grant(role, statement["Sid"], action, number, resource)


def explanations(path: Path = EXPLANATIONS) -> list[Explanation]:
    """Read the file of reasons: role, statement, action, why."""
    return [
        Explanation(role, sid, action, " ".join(why.split()))
        for role, statements in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        for sid, actions in statements.items()
        for action, why in actions.items()
    ]


def report(clouds: Iterable[Seen], reasons: Iterable[Explanation]) -> tuple[list[str], list[str]]:
    """Return the report's lines, by role, and the complaints: what must be explained or removed."""
    seen, reasons = [pair for cloud in clouds for pair in cloud], list(reasons)
    used = {grant.key for grant, was_used in seen if was_used}
    allowed = sorted({grant.key: grant for grant, _ in seen}.values())
    lines, complaints = [], []
    if len(used) < LEAST_USES:
        complaints.append(f"only {len(used)} permissions were used; did the loop run?")
    for role in sorted({grant.role for grant in allowed}):
        its = [grant for grant in allowed if grant.role == role]
        idle = [grant for grant in its if grant.key not in used]
        lines.append(f"{role}: {len(its) - len(idle)} of {len(its)} permissions used")
        for grant in idle:
            why = next((reason.why for reason in reasons if reason.explains(grant)), "")
            lines.append(f"  {grant.sid}: {grant.action} on {grant.resource}")
            lines.append(f"    {why or 'UNEXPLAINED'}")
            if not why:
                complaints.append(f"{grant}: was never used; remove it, or explain why it stays")
    complaints += [
        f"{reason}: is explained, but there is no such permission"
        for reason in reasons
        if not any(map(reason.explains, allowed))
    ]
    return lines, complaints


def main(folder: Path, detail: str = "") -> int:
    """Print the report, without `--all` in short; 1 if there is a complaint."""
    clouds = [
        [(Grant(*grant), used) for *grant, used in json.loads(path.read_text())]
        for path in sorted(folder.glob("*.json"))
    ]
    lines, complaints = report(clouds, explanations())
    print("\n".join(line for line in lines if detail or not line.startswith(" ")))
    if complaints:
        print(f"\n{len(complaints)} to explain in {EXPLANATIONS.name}, or to fix:")
        print("\n".join(complaints))
    return 1 if complaints else 0


def _matches(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _roles(session: Any, stack: str) -> Iterator[tuple[str, str]]:
    """Yield the stack's roles: their names in the template and in the account."""
    pages = session.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::IAM::Role":
                yield resource["LogicalResourceId"], resource["PhysicalResourceId"]


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
