"""A laptop cloud without a stack's pipelines: an account like any other for the facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local_cloud.cloud import Cloud
from tests.conformance import cleaning
from tests.conformance.account import Account
from tests.conformance.journal import Journal

TEMPLATE = Path(__file__).parents[1] / "cloud" / "sample" / "template.yaml"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("conformance")
    with Cloud(home, template=TEMPLATE, stack_name="sample", gitlab=False) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def session(cloud: Cloud) -> boto3.Session:
    return cloud.session()


@pytest.fixture(scope="session")
def account(session: boto3.Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    journal = Journal(tmp_path_factory.mktemp("journal") / "headrace-conformance-laptop.jsonl")
    yield Account(session, journal, patience=60)
    assert cleaning.clean(session, journal) == []
    assert not journal.path.exists()
