"""Each finding of `headrace doctor` in AWS, seen broken and healthy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline_specs import ROOT
from pipeline_specs.deploy import images as deploy_images
from tests.workbench.doctor_account import (
    ACCOUNT,
    GITLAB,
    REGION,
    ROLE,
    TOPIC,
    Error,
    ledger,
    target,
)
from workbench.cli import app
from workbench.doctor import delivery, events, examination, images, people, permissions, quotas
from workbench.doctor.findings import Finding, run

WHERE = f"--region {REGION}"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.example.com"
PROJECT = {"project": "abalone", "quality": {"metric": "mse", "threshold": 10.0}}


def said(found: Iterable[Finding]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.seen, one.command) for one in found]


def one(found: Iterable[Finding]) -> Finding:
    (finding,) = found
    return finding


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    text = (ROOT / "pipeline_specs/abalone/project.yaml").read_text()
    (tmp_path / "abalone").mkdir()
    scheduled = f"{text}\nschedules: {{training: rate(1 day)}}\n"
    (tmp_path / "abalone" / "project.yaml").write_text(scheduled)
    return tmp_path


# --- the account ----------------------------------------------------------------------------------


def test_the_table_of_images_is_the_one_that_pipelines_are_built_from() -> None:
    """The golden definitions are what the SDK builds, and compared with it in their own tests."""
    golden = ROOT / "tests/pipeline_specs/golden"
    built = "".join(path.read_text() for path in golden.rglob("*.json"))
    for image in deploy_images.IMAGES:
        account = deploy_images.registries(image.framework, image.version)["us-east-1"]
        assert f"{account}.dkr.ecr.us-east-1.amazonaws.com/sagemaker-" in built
        assert f":{image.version}" in built


def test_a_region_without_images_is_an_error() -> None:
    assert {one.severity for one in images.images(target())} == {"ok"}
    here = target()
    here.session.region_name = "ap-southeast-7"
    found = list(images.images(here))
    assert [one.severity for one in found] == ["error", "error"]
    assert "3.0-5 is not in ap-southeast-7" in found[0].seen
    assert found[0].command == "sam deploy --guided --region ap-east-1"


def quota(usage: str, value: float) -> dict[str, Any]:
    name = f"ml.m5.large for {usage} job usage"
    return {"QuotaName": name, "QuotaCode": f"L-{usage}", "Value": value}


def test_a_quota_is_compared_with_what_one_job_and_all_of_them_need(projects: Path) -> None:
    listed = [quota("processing", 2), quota("training", 1), quota("transform", 0)]
    found = said(quotas.jobs(target(projects, ListServiceQuotas={"Quotas": listed})))
    assert [severity for severity, _, _ in found] == ["ok", "warning", "error"]
    assert "up to 2 may be wanted at a time" in found[1][1]
    assert found[2][2] == (
        "aws service-quotas request-service-quota-increase --service-code sagemaker "
        f"--quota-code L-transform --desired-value 1 {WHERE}"
    )


def test_a_quota_that_is_not_listed_is_unknown(projects: Path) -> None:
    found = said(quotas.jobs(target(projects, ListServiceQuotas={"Quotas": []})))
    assert {severity for severity, _, _ in found} == {"unknown"}


@pytest.mark.parametrize(("limit", "severity"), [(10, "warning"), (1000, "ok")])
def test_the_concurrency_of_a_new_account_is_a_warning(limit: int, severity: str) -> None:
    settings = {"AccountLimit": {"ConcurrentExecutions": limit}}
    found = one(quotas.concurrency(target(GetAccountSettings=settings)))
    assert found.severity == severity
    assert ("L-B99A9384" in found.command) == (limit == 10)


def decided(*denied: str) -> Any:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        results = [
            {
                "EvalActionName": name,
                "EvalDecision": "implicitDeny" if name in denied else "allowed",
            }
            for name in request["ActionNames"]
        ]
        return {"EvaluationResults": results}

    return answer


def test_actions_that_a_deployer_lacks_are_named() -> None:
    whole = target(SimulatePrincipalPolicy=decided())
    assert one(permissions.permissions(whole)).severity == "ok"
    found = one(permissions.permissions(target(SimulatePrincipalPolicy=decided("iam:PassRole"))))
    assert (found.severity, "iam:PassRole (docs/deploy.md" in found.seen) == ("warning", True)
    assert found.command.startswith("aws iam put-user-policy --user-name deployer ")


def test_the_root_user_is_told_to_make_a_role() -> None:
    root = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": ACCOUNT}
    found = one(permissions.permissions(target(GetCallerIdentity=root)))
    assert (found.severity, found.command.split(" --")[0]) == ("warning", "aws iam create-role")


def test_a_role_session_is_judged_by_its_role() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso/Platform"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Platform/me"
    here = target(
        GetCallerIdentity={"Account": ACCOUNT, "Arn": session},
        GetRole={"Role": a_role(role, {})},
        SimulatePrincipalPolicy=decided("lambda:CreateFunction"),
    )
    found = one(permissions.permissions(here))
    assert found.seen.startswith(role)
    assert "put-role-policy --role-name Platform " in found.command


# --- events and people ----------------------------------------------------------------------------


def test_a_bucket_that_tells_nothing_keeps_its_other_notifications() -> None:
    answer: dict[str, Any] = {"EventBridgeConfiguration": {}}
    assert one(
        events.notifications(target(GetBucketNotificationConfiguration=answer))
    ).severity == ("ok")
    queue = {"QueueArn": "arn:aws:sqs:eu-west-1:111122223333:q", "Events": ["s3:ObjectCreated:*"]}
    others = {"QueueConfigurations": [queue]}
    found = one(events.notifications(target(GetBucketNotificationConfiguration=others)))
    assert (found.severity, "uploads start nothing" in found.seen) == ("error", True)
    assert json.dumps({**others, "EventBridgeConfiguration": {}}) in found.command


def test_rules_that_are_disabled_or_gone_are_errors(projects: Path) -> None:
    def states(**of: Any) -> Any:
        return lambda request: of.get(request["Name"].replace("-", "_"), {"State": "ENABLED"})

    knows = ledger(PROJECT)
    whole = one(events.rules(target(projects, **knows, DescribeRule=states())))
    assert (whole.severity, whole.seen) == ("ok", "3 rules are enabled")
    gone = Error("ResourceNotFoundException")
    broken = states(RunRule={"State": "DISABLED"}, headrace_schedule_abalone_training=gone)
    found = said(events.rules(target(projects, **knows, DescribeRule=broken)))
    schedule = "headrace-schedule-abalone-training"
    assert found == [
        ("error", "the rule RunRule is disabled", f"aws events enable-rule --name RunRule {WHERE}"),
        (
            "error",
            f"the rule {schedule} is not there",
            f"headrace pipelines upsert abalone {WHERE}",
        ),
    ]


def subscribed(**arns: str) -> dict[str, Any]:
    listed = [
        {"Endpoint": f"{name.replace('_', '-')}@example.com", "Protocol": "email"}
        | {"SubscriptionArn": arn, "TopicArn": TOPIC, "Owner": ACCOUNT}
        for name, arn in arns.items()
    ]
    return {"ListSubscriptionsByTopic": {"Subscriptions": listed}}


def test_people_who_get_no_messages_are_named(projects: Path) -> None:
    knows = ledger(PROJECT)
    whole = subscribed(platform=f"{TOPIC}:1", data_science=f"{TOPIC}:2")
    assert one(people.subscriptions(target(projects, **knows, **whole))).severity == "ok"
    waits = subscribed(platform="PendingConfirmation", data_science="Deleted")
    found = said(people.subscriptions(target(projects, **knows, **waits)))
    assert [severity for severity, _, _ in found] == ["warning", "error"]
    assert found[0][2] == (
        f"aws sns subscribe --topic-arn {TOPIC} --protocol email "
        f"--notification-endpoint platform@example.com {WHERE}"
    )
    assert found[1][1] == "data-science@example.com, a recipient of abalone, is not subscribed"
    assert found[1][2] == f"headrace pipelines upsert abalone {WHERE}"


def test_an_unsubscribed_alert_address_is_an_error() -> None:
    found = one(people.subscriptions(target(**subscribed())))
    assert (found.severity, "platform@example.com, who should" in found.seen) == ("error", True)


# --- GitLab's way in ------------------------------------------------------------------------------


def a_role(arn: str, policy: dict[str, Any]) -> dict[str, Any]:
    names = {"Path": "/", "RoleName": arn.rpartition("/")[2], "RoleId": "AROA" + "1" * 16}
    text = json.dumps(policy)
    return {**names, "Arn": arn, "CreateDate": 0, "AssumeRolePolicyDocument": text}


def trusted(branch: str = "main", operator: str = "StringEquals") -> dict[str, Any]:
    subject = f"project_path:group/project:ref_type:branch:ref:{branch}"
    host = "gitlab.example.com"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {operator: {f"{host}:aud": GITLAB, f"{host}:sub": subject}},
    }
    return {"GetRole": {"Role": a_role(ROLE, {"Statement": [statement]})}}


def test_a_missing_identity_provider_is_an_error() -> None:
    answer: dict[str, Any] = {"GetOpenIDConnectProvider": {"ClientIDList": [GITLAB]}}
    assert one(delivery.provider(target(**answer))).severity == "ok"
    found = one(delivery.provider(target(GetOpenIDConnectProvider=Error("NoSuchEntity"))))
    assert (found.severity, found.command) == (
        "error",
        f"aws iam create-open-id-connect-provider --url {GITLAB} --client-id-list {GITLAB} {WHERE}",
    )
    other = target(GetOpenIDConnectProvider={"ClientIDList": ["sts.amazonaws.com"]})
    assert f"--client-id {GITLAB}" in one(delivery.provider(other)).command


def test_a_trust_that_lets_in_another_branch_is_an_error() -> None:
    assert one(delivery.trust(target(**trusted()))).severity == "ok"
    assert one(delivery.trust(target(**trusted("*")))).severity == "error"
    found = one(delivery.trust(target(**trusted(operator="StringLike"))))
    assert (found.severity, found.command[:24]) == ("error", "sam build && sam deploy ")


# --- all of it ------------------------------------------------------------------------------------


def test_a_check_that_is_denied_is_unknown_and_hides_no_other(projects: Path) -> None:
    found = examination.examine(target(projects))
    names = {name for name, _ in examination.CHECKS}
    assert {finding.name for finding in found} == names
    by_name = {finding.name: finding for finding in found}
    for name in names - {"stack", "settings", "images", "pipelines"}:
        assert by_name[name].severity == "unknown", name
        assert by_name[name].seen.startswith("no permission to look: "), by_name[name]
    assert examination.exit_code(found) == examination.NO_ERROR


def test_what_a_check_saw_before_it_failed_is_kept() -> None:
    def check() -> Iterable[Finding]:
        yield Finding("rules", "error", "disabled")
        raise KeyError("State")

    found = run([("rules", check)])
    assert [finding.severity for finding in found] == ["error", "unknown"]


def test_exit_codes() -> None:
    def code(*severities: Any) -> int:
        return examination.exit_code([Finding("x", one, "") for one in severities])

    assert code("ok", "unknown", "warning") == examination.NO_ERROR
    assert code("ok", "unknown", "error") == examination.ERROR
    assert code("unknown", "unknown") == examination.NOT_EXAMINED


def test_without_valid_keys_it_could_not_look_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert app.main(["doctor", "--region", REGION]) == examination.NOT_EXAMINED
    assert capsys.readouterr().err.startswith("error: Could not connect to the endpoint URL")
