"""Each rule of the laptop cloud that is switched off is caught by its facts.

So no fact holds by accident, and no leniency that was once there can come back unseen.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import boto3
import pytest

from local_cloud.deploy.users import EndpointSession
from local_cloud.gitlab import service, views
from local_cloud.gitlab.repository import Repository
from local_cloud.ministack.process import Server, free_port
from local_cloud.ministack.settings import Settings
from local_cloud.sagemaker.core.open_facts import VARIABLE, OpenFacts
from tests.conformance.account import Account
from tests.conformance.fact import Fact
from tests.conformance.facts.all import ALL
from tests.conformance.journal import Journal

pytestmark = pytest.mark.cloud
FACTS = {fact.name: fact for fact in ALL}
# A rule and the facts that catch its absence.
CAUGHT: dict[str, tuple[str, ...]] = {
    "refusals _put_events": ("event_with_malformed_detail", "event_without_detail_type"),
    "refusals _put_rule": ("rule_without_pattern_or_schedule", "rate_of_one_hours"),
    "refusals _delete_rule": ("rule_with_targets",),
    "refusals _validate_definition_jsonata": (
        "state_machine_that_leads_nowhere",
        "state_machine_of_another_partition",
    ),
    "refusals _start_execution": ("execution_input_that_is_no_json",),
    "refusals _resolve_sse_write_headers": ("object_encrypted_without_naming_a_key",),
    "state_machines _start_execution": ("execution_name_is_used_once",),
    "objects _fire_s3_event": ("event_of_an_upload",),
    "objects _dispatch_event": ("event_of_an_upload",),
    "queue_policies check": (
        "queue_policy_for_two_queues",
        "queue_policy_with_eight_actions",
        "queue_policy_for_a_missing_role",
    ),
    "managed_policies missing": ("policy_that_is_not_there",),
    "item_access items_of": ("items_that_a_policy_names",),
    "rules _is_a_document": ("definition_of_another_version",),
    "rules _has_known_members": ("unknown_member_of_a_definition",),
    "rules _has_no_null": ("null_member_of_a_step",),
    "rules _has_steps_of_known_shape": ("unknown_member_of_a_step",),
    "rules _has_sound_parameters": ("default_outside_of_its_values",),
    "rules _has_sound_conditions": ("unknown_member_of_a_condition",),
    "rules _has_a_graph": (
        *("undeclared_parameter", "undeclared_step", "cycle_of_steps", "step_after_a_fail_step"),
    ),
    "rules _has_arguments_that_fit": (
        *("unknown_member", "wrong_shape", "literal_outside_of_its_enumeration"),
    ),
    "tokens recalled": ("start_with_a_used_token",),
    "pipelines delete": ("execution_of_a_deleted_pipeline",),
}
# Rules that no answer to a request shows; tests/cloud has theirs.
ELSEWHERE = {"state_machines _execute_task", "state_machines _invoke_resource"}
# Refusals without a rule in the server: GitLab's, and those that leave nothing to answer with.
NO_RULE = {
    *("group_that_is_not_there", "versions_of_a_group_that_is_not_there"),
    "null_member",  # which does not fit the operation's model either
    *("trigger_for_a_missing_branch", "trigger_where_no_one_may_set_variables"),
}
NUMBERS = itertools.count(1)


class LenientServer(Server):
    """A server whose rules can be switched off, by name."""

    def __init__(self, folder: Path) -> None:
        venv = Path(sys.prefix).parent
        keys = ("AKIAROOTROOTROOTROOT", "root")
        super().__init__(
            Settings(
                port=free_port(),
                state_dir=folder / "state",
                work_dir=folder / "work",
                smtp_port=free_port(),
                functions_python=venv / "lambda" / "bin" / "python",
                jobs_python=venv / "jobs" / "bin" / "python",
                root_access_key_id=keys[0],
                root_secret_access_key=keys[1],
                permissions=folder / "permissions.jsonl",
            ),
            folder / "ministack.log",
        )
        self.folder, self.switch = folder, folder / "off"
        self.command = (sys.executable, "-m", "tests.conformance.lenient_server", str(self.switch))
        self.session: boto3.Session = EndpointSession(self.settings.endpoint_url, *keys)

    @property
    def rules(self) -> list[str]:
        """The names of all rules."""
        return self.switch.with_suffix(".rules").read_text().splitlines()

    def ask(self, fact: Fact, off: str = "", patience: float = 5) -> str:
        """Return the answer, with a rule switched off, as a run of its own."""
        name = f"headrace-conformance-{next(NUMBERS)}"
        account = Account(self.session, Journal(self.folder / f"{name}.jsonl"), patience)
        self.switch.write_text(off)
        try:
            return fact.ask(account)
        finally:
            self.switch.write_text("")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LenientServer]:
    with LenientServer(tmp_path_factory.mktemp("lenient")) as server:
        yield server  # type: ignore[misc]  # Server's own type


@pytest.mark.parametrize(
    ("rule", "name"), [(rule, name) for rule, names in CAUGHT.items() for name in names]
)
def test_a_fact_catches_its_rules_absence(server: LenientServer, rule: str, name: str) -> None:
    assert rule in server.rules
    fact = FACTS[name]
    assert server.ask(fact) == fact.expected[0]
    assert server.ask(fact, off=rule) != fact.expected[0]


def test_each_rule_has_a_fact(server: LenientServer) -> None:
    assert set(server.rules) == CAUGHT.keys() | ELSEWHERE


def test_each_refusal_is_a_rules(server: LenientServer) -> None:
    refusing = {fact.name for fact in ALL if fact.expected[0].startswith(("refused", "failed"))}
    assert refusing - {name for names in CAUGHT.values() for name in names} == NO_RULE


@pytest.mark.parametrize("number", [1, 2])
def test_an_open_fact_follows_its_switch(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {name: get_args(kind) for name, kind in get_type_hints(OpenFacts).items()}
    chosen = {name: given[number] for name, given in answers.items() if number < len(given)}
    monkeypatch.setitem(os.environ, VARIABLE, ",".join(map("=".join, chosen.items())))
    with LenientServer(tmp_path) as server:
        for fact in [fact for fact in ALL if fact.switch in chosen]:
            assert server.ask(fact, patience=60) == fact.expected[number]  # type: ignore[attr-defined]


class AnyName(str):
    """A name that equals each of its beginnings, as in a search for a part."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self.startswith(str(other))


def test_what_gitlab_refuses_is_caught_as_well(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def caught(name: str) -> bool:
        return FACTS[name].ask(account) != FACTS[name].expected[0]

    listed, resolve = views.pipeline_in_list, Repository.resolve
    with monkeypatch.context() as patch:
        patch.setattr(service, "NO_ONE", "nobody")
        assert caught("trigger_where_no_one_may_set_variables")
    with monkeypatch.context() as patch:
        patch.setattr(Repository, "resolve", lambda self, _: resolve(self, "main"))
        assert caught("trigger_for_a_missing_branch")
    with monkeypatch.context() as patch:
        patch.setattr(views, "token", lambda _: {"id": 1})
        assert caught("expiry_of_the_token")
    with monkeypatch.context() as patch:
        patch.setattr(
            views,
            "pipeline_in_list",
            lambda *given: (found := listed(*given)) | {"name": AnyName(found["name"])},
        )
        assert caught("pipelines_by_name")
