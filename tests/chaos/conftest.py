"""A laptop cloud in which much goes wrong, with the sample stack of the cloud's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.chaos.chaos import Chaos
from local_cloud.cloud import Cloud
from tests.cloud.cloud_sample import TEMPLATE, Sample

STORM = Chaos(
    seed=7,
    lost_events=0.3,
    doubled_events=0.3,
    doubled_deliveries=0.4,
    late_deliveries=0.4,
    overtaken_deliveries=0.3,
    longest_delay=0.5,
    throttled_calls=0.2,
    lost_answers=0.2,
    killed_functions=0.5,
)


@pytest.fixture(scope="session")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    with Cloud(
        tmp_path_factory.mktemp("stormy"),
        template=TEMPLATE,
        stack_name="sample",
        gitlab=False,
        chaos=STORM,
    ) as cloud:
        yield Sample(cloud)
