"""The report of permissions that nobody used, on small records; its reasons, on the template."""

from __future__ import annotations

from typing import Any

import pytest

from checks import permissions
from checks.expand import expanded
from checks.permissions import Explanation, Grant, Seen, explanations, grants, report
from local_cloud.ministack.permissions import Use
from tests.template.expanded_stack import Stack

BUCKET = "arn:aws:s3:::data-1"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Files",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"{BUCKET}/*/runs/*",
        },
        {"Sid": "Never", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        {
            "Sid": "Keys",
            "Effect": "Allow",
            "Action": "kms:GenerateDataKey*",
            "Resource": ["key-1", "key-2"],
        },
    ],
}
READ = Use("1", "r", "s3:GetObject", f"{BUCKET}/abalone/runs/1/model.tar.gz")
KEY = Use("1", "r", "kms:GenerateDataKey", "key-1")


@pytest.fixture(autouse=True)
def little_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "LEAST_USES", 1)


def seen(*used: Use, policy: dict[str, Any] = POLICY) -> Seen:
    return [(grant, any(map(grant.allows, used))) for grant in grants("Role", policy)]


def complaints(*clouds: Seen, reasons: tuple[Explanation, ...] = ()) -> list[str]:
    return report(clouds, reasons)[1]


def test_what_was_allowed_and_never_used_must_be_explained_or_go() -> None:
    assert complaints(seen(READ, KEY)) == [
        f"Role Files: s3:PutObject on {BUCKET}/*/runs/*: was never used; "
        "remove it, or explain why it stays",
        "Role Keys: kms:GenerateDataKey* on key-2: was never used; "
        "remove it, or explain why it stays",
    ]


def test_what_is_explained_is_listed_with_its_reason_and_no_complaint() -> None:
    reasons = (
        Explanation("Role", "Files", "s3:PutObject", "in an account only"),
        Explanation("Role", "Keys", "kms:GenerateDataKey*", "the other key is of next year"),
    )
    lines, complained = report([seen(READ, KEY)], reasons)
    assert complained == []
    assert lines == [
        "Role: 2 of 4 permissions used",
        f"  Files: s3:PutObject on {BUCKET}/*/runs/*",
        "    in an account only",
        "  Keys: kms:GenerateDataKey* on key-2",
        "    the other key is of next year",
    ]


def test_a_permission_that_one_cloud_used_is_used_whatever_its_resource_is_called_there() -> None:
    text = {"data-1": "data-2", "key-2": "key-3"}
    other = {**POLICY, "Statement": []}
    for statement in POLICY["Statement"]:
        resource = statement["Resource"]
        renamed = [resource] if isinstance(resource, str) else resource
        for old, new in text.items():
            renamed = [one.replace(old, new) for one in renamed]
        other["Statement"].append({**statement, "Resource": renamed})
    wrote = Use("1", "r", "s3:PutObject", "arn:aws:s3:::data-2/abalone/runs/1/x")
    assert (
        complaints(
            seen(READ, KEY),
            seen(wrote, Use("1", "r", "kms:GenerateDataKey", "key-3"), policy=other),
        )
        == []
    )


def test_a_use_elsewhere_is_no_use_of_this_permission() -> None:
    grant = Grant("Role", "Files", "s3:GetObject", 0, f"{BUCKET}/*/runs/*")
    assert grant.allows(READ)
    assert not grant.allows(Use("1", "r", "s3:GetObject", f"{BUCKET}/abalone/code/x"))
    assert not grant.allows(Use("1", "r", "s3:GetObjectVersion", READ.resource))


def test_a_reason_for_a_permission_that_is_gone_is_a_complaint() -> None:
    gone = Explanation("Role", "Files", "s3:DeleteObject", "because")
    assert complaints(seen(READ, KEY), reasons=(gone,))[-1] == (
        "Role Files: s3:DeleteObject: is explained, but there is no such permission"
    )


def test_a_record_in_which_hardly_anything_happened_is_no_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(permissions, "LEAST_USES", 3)
    assert "only 2 permissions were used; did the loop run?" in complaints(seen(READ, KEY))


def test_every_reason_in_the_file_is_for_a_permission_of_the_template() -> None:
    allowed = {
        (statement.resource, statement.sid, action)
        for statement in Stack(expanded()).statements()
        if statement.allows
        for action in statement.actions
    }
    reasons = explanations()
    assert [str(r) for r in reasons if (r.role, r.sid, r.action) not in allowed] == []
    assert all(len(reason.why) > 30 for reason in reasons)
