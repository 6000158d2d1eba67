"""Versions of another account's registry: who may read them, and which job comes too late."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

import boto3
import pytest
from headrace.domain.errors import PermanentError
from headrace.domain.lane import Lane, Rollout

from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy import promotion, sharing
from pipeline_specs.deploy.account import Account
from pipeline_specs.deploy.stack import Stack
from tests.pipeline_specs.typed_commands import INFERENCE, TRAINING, Terminal

GROUP = "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/headrace-abalone"
LIVE = Lane("headrace-abalone-inference", rollout=Rollout(live="version 3", deployed_by=11))
WANTED = dataclasses.replace(
    LIVE, rollout=dataclasses.replace(LIVE.rollout, wanted="version 4", refresh_id="four")
)


def test_readers_read_versions_and_change_none() -> None:
    statements = sharing.policy(GROUP, ["111111111111"])["Statement"]
    assert {who for one in statements for who in one["Principal"]["AWS"]} == {
        "arn:aws:iam::111111111111:root"
    }
    actions = {action.partition(":")[2] for one in statements for action in one["Action"]}
    assert all(action.startswith(("Describe", "List")) for action in actions)


def test_a_group_is_shared_with_exactly_the_readers_of_the_settings(
    terminal: Terminal, upserted: list[str], abalone: Settings
) -> None:
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    shared = dataclasses.replace(abalone, readers=("111111111111", "222222222222"))
    assert account.share_group(abalone) == ""
    assert account.share_group(shared) == "shared with 111111111111, 222222222222"
    terminal.writes.clear()
    assert (account.share_group(shared), terminal.writes) == ("", [])
    group = abalone.project.model_package_group
    answer = terminal.sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    assert json.loads(answer["ResourcePolicy"]) == sharing.policy(GROUP, shared.readers)
    assert account.share_group(abalone) == "no longer shared with other accounts"
    assert account.share_group(abalone) == ""


@pytest.mark.parametrize(
    ("lane", "refresh_id", "ci_pipeline"),
    [
        (LIVE, "", 11),
        (LIVE, "", 12),
        (LIVE, "eleven", 11),
        (WANTED, "four", 12),
        (LIVE, "", 0),  # by hand
        (WANTED, "", 12),  # a promotion: its account refreshes nothing
    ],
)
def test_the_latest_job_continues(lane: Lane, refresh_id: str, ci_pipeline: int) -> None:
    promotion.refuse_overtaken(lane, refresh_id, ci_pipeline)


@pytest.mark.parametrize(
    ("lane", "refresh_id", "ci_pipeline", "by"),
    [
        (LIVE, "", 10, "CI pipeline 11 is newer than 10 and deployed version 3"),
        (LIVE, "three", 10, "CI pipeline 11 is newer than 10 and deployed version 3"),
        (WANTED, "three", 11, "version 4 was approved later"),
    ],
)
def test_a_job_that_a_later_one_overtook_changes_nothing(
    lane: Lane, refresh_id: str, ci_pipeline: int, by: str
) -> None:
    with pytest.raises(PermanentError, match=f"overtaken: {by}"):
        promotion.refuse_overtaken(lane, refresh_id, ci_pipeline)


def test_a_refresh_that_a_later_approval_overtook_leaves_the_pipeline_alone(
    terminal: Terminal, upserted: list[str], version: Callable[..., str], abalone: Settings
) -> None:
    arn, later = version("Approved"), version("Approved")
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    lane = account.inference_lane(abalone.project)
    wanted = dataclasses.replace(
        lane, rollout=dataclasses.replace(lane.rollout, wanted=later, refresh_id="later")
    )
    account._ledger.claim(lane, wanted)
    command = ("refresh", "abalone", "--model-package-arn", arn, "--refresh-id", "earlier")
    assert f"overtaken: {later} was approved later" in terminal.fails(*command)
    account._ledger.claim(account.inference_lane(abalone.project), lane)
    assert terminal.types(*command)[-1] == f"live: {arn}"


def test_an_upsert_keeps_what_a_refresh_just_put_there(
    terminal: Terminal, upserted: list[str], version: Callable[..., str], abalone: Settings
) -> None:
    before, refreshed, newest = version("Approved"), version("Approved"), version("Approved")
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    lane = account.inference_lane(abalone.project)
    wanted = dataclasses.replace(
        lane,
        rollout=dataclasses.replace(lane.rollout, live=before, wanted=refreshed, refresh_id="it"),
    )
    account._ledger.claim(lane, wanted)
    terminal.types("upsert", "abalone")  # the refresh's own job has yet to run
    assert terminal.describe(INFERENCE)["PipelineDescription"].endswith(before)
    terminal.types("refresh", "abalone", "--model-package-arn", refreshed)
    terminal.types("upsert", "abalone")  # the control plane has yet to hear of its end
    assert terminal.describe(INFERENCE)["PipelineDescription"].endswith(refreshed)
    account._ledger.claim(account.inference_lane(abalone.project), lane)
    assert newest  # and would be taken, were nothing known


@pytest.fixture
def elsewhere(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """The registry is another account's; what is called makes a version live here."""
    monkeypatch.setattr(Stack, "registry_account", "000000000000")
    monkeypatch.setattr(promotion, "own_account", lambda _: "111111111111")
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    before = account.inference_lane(abalone.project)

    def make_live(arn: str) -> None:
        lane = account.inference_lane(abalone.project)
        rollout = dataclasses.replace(lane.rollout, live=arn)
        account._ledger.claim(lane, dataclasses.replace(lane, rollout=rollout))

    yield make_live
    account._ledger.claim(account.inference_lane(abalone.project), before)


def test_where_no_registry_is_an_upsert_keeps_the_live_version_and_renews_the_rest(
    terminal: Terminal,
    elsewhere: Callable[[str], None],
    version: Callable[..., str],
    abalone: Settings,
) -> None:
    live, newest = version("Approved"), version("Approved")
    elsewhere(live)
    lines = terminal.types("upsert", "abalone")
    assert terminal.describe(INFERENCE)["PipelineDescription"].endswith(live)
    assert newest  # and is not taken
    assert "settings of abalone in the ledger: updated" in lines
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    (there,) = [one for one in account.projects() if one.name == "abalone"]
    assert there.retune.max_per_week == 0  # training is where the registry is
    assert not any(name in line for name in TRAINING for line in lines)
    assert not any("ModelPackageGroup" in write for write in terminal.writes)


def test_where_no_registry_is_an_upsert_does_nothing_before_the_first_promotion(
    terminal: Terminal, elsewhere: Callable[[str], None], version: Callable[..., str]
) -> None:
    assert version("Approved")
    assert terminal.types("upsert", "abalone") == [
        "abalone: no version is live here; `promote` brings the first"
    ]
    assert terminal.writes == []


def test_where_no_registry_is_an_upsert_refuses_a_live_version_that_was_rejected(
    terminal: Terminal, elsewhere: Callable[[str], None], version: Callable[..., str]
) -> None:
    live = version("Rejected")
    elsewhere(live)
    assert f"{live} may not go live" in terminal.fails("upsert", "abalone")


def test_a_version_of_the_accounts_own_registry_is_refreshed_not_promoted(
    terminal: Terminal, upserted: list[str], version: Callable[..., str]
) -> None:
    error = terminal.fails("promote", "abalone", "--model-package-arn", version("Approved"))
    assert "is in this account's own registry; use `refresh`" in error
