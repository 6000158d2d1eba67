"""A laptop cloud without a stack's pipelines: an account like any other for the facts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local_cloud.cloud import Cloud
from local_cloud.gitlab.gitlab import GitLab, start_gitlab
from tests.conformance import cleaning
from tests.conformance.account import Account
from tests.conformance.gitlab_project import GitLabProject
from tests.conformance.journal import Journal

CI_FILE = Path(__file__).with_name("scratch.gitlab-ci.yml")
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
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLab]:
    """A GitLab whose project is the scratch project of the facts."""
    root = tmp_path_factory.mktemp("scratch")
    shutil.copy(CI_FILE, root / ".gitlab-ci.yml")
    gitlab = start_gitlab(root, tmp_path_factory.mktemp("gitlab"), {})
    yield gitlab
    gitlab.stop()


@pytest.fixture(scope="session")
def account(
    session: boto3.Session, hosted: GitLab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    journal = Journal(tmp_path_factory.mktemp("journal") / "headrace-conformance-laptop.jsonl")
    project = GitLabProject(hosted.url, hosted.api_token, hosted.project_path, hosted.trigger_token)
    yield Account(session, journal, patience=60, gitlab=project)
    assert cleaning.clean(session, journal, project) == []
    assert not journal.path.exists()
