"""What CI does seldom, done as its role may: schedules, recipients, tags, uploads, deletion."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from demo.loop import TRAINING, Loop
from demo.results import Trained
from local_cloud.cloud import Cloud
from local_cloud.deploy import users
from local_cloud.gitlab.web_identity import Issuer
from pipeline_specs.config import settings
from pipeline_specs.config.recipients import Recipient
from pipeline_specs.config.schedules import Schedule, rule_name
from pipeline_specs.deploy import sharing, uploads
from pipeline_specs.deploy.account import Account
from pipeline_specs.deploy.stack import Stack

ADDRESS = "nobody@example.com"


@pytest.fixture(scope="module")
def ci(cloud: Cloud, loop: Loop) -> Account:
    """The account as a job of CI's sees it, with the role that its token is good for."""
    url = cloud.gitlab.url
    issuer = Issuer(cloud.home / "state" / "gitlab" / "id-token-key.pem")
    subject = f"project_path:{cloud.gitlab.project_path}:ref_type:branch:ref:main"
    keys = loop.client("sts").assume_role_with_web_identity(
        RoleArn=cloud.info["outputs"]["DeliveryRoleArn"],
        RoleSessionName="gitlab-1-0",
        WebIdentityToken=issuer.token(url, [url], {"sub": subject}),
    )["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    session = users.EndpointSession(cloud.info["endpoint_url"], *(keys[name] for name in names))
    return Account(Stack(cloud.stack_name, session), session)


@pytest.fixture(scope="module")
def abalone() -> settings.Settings:
    return settings.load("abalone")[0]


def test_schedules_come_change_and_go(ci: Account, abalone: settings.Settings, loop: Loop) -> None:
    name = rule_name("abalone", "training")

    def put(*schedules: Schedule) -> list[str]:
        return list(ci.put_schedules(dataclasses.replace(abalone, schedules=schedules)))

    assert put(Schedule("training", "rate(300 days)")) == [f"{name}: created, rate(300 days)"]
    assert put(Schedule("training", "rate(365 days)")) == [f"{name}: updated, rate(365 days)"]
    assert put(Schedule("training", "rate(365 days)")) == []
    assert put() == [f"{name}: deleted"]
    rules = loop.client("events").list_rules(NamePrefix=name)["Rules"]
    assert rules == []


def test_other_accounts_read_a_group_as_long_as_they_are_named(ci: Account, loop: Loop) -> None:
    reader = "111111111111"
    assert sharing.share(ci.sagemaker, loop.group, (reader,)) == f"shared with {reader}"
    assert sharing.share(ci.sagemaker, loop.group, ()) == "no longer shared with other accounts"


def test_an_address_is_subscribed_to_one_project_of_two_and_to_none(ci: Account) -> None:
    for project in ("bricks", "mortar"):
        assert list(ci.subscribe(project, (Recipient(ADDRESS),)))
    assert list(ci.subscribe("mortar", ())) == [f"{ADDRESS} is unsubscribed from mortar"]
    assert list(ci.subscribe("bricks", ())) == [f"{ADDRESS} is unsubscribed from bricks"]


@pytest.fixture
def notes(tmp_path: Path) -> uploads.Upload:
    path = tmp_path / "notes.txt"
    path.write_text("not data, so that nothing starts\n")
    return uploads.Upload(path, f"abalone/{TRAINING}{uploads.FOLDER}notes.txt")


def test_a_file_is_uploaded_once(
    ci: Account, abalone: settings.Settings, notes: uploads.Upload, loop: Loop, trained: Trained
) -> None:
    s3 = ci.stack.session.client("s3")

    def put() -> list[str]:
        return list(uploads.put(s3, loop.bucket, abalone, [notes]))

    assert len(put()) == 1
    assert put() == []
    loop.decided("the notes", notes.key)


def test_deleting_a_missing_pipeline_succeeds(ci: Account) -> None:
    assert ci.delete("headrace-abalone-never-made") is False
