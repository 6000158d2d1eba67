"""One laptop cloud for all tests of this folder, with a stack that uses what seams are about."""

import os
from collections.abc import Iterator

import pytest

from local_cloud.cloud import Cloud
from tests.cloud.cloud_sample import SECRET, TEMPLATE, Sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    os.environ["SHELL_SECRET"] = SECRET
    home = tmp_path_factory.mktemp("cloud")
    with Cloud(
        home,
        template=TEMPLATE,
        stack_name="sample",
        alert_email="data.scientist@example.com",
        gitlab=False,
    ) as cloud:
        yield Sample(cloud)
