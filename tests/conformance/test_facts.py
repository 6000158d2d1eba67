"""The laptop cloud answers as AWS is known to, or reported to where nobody knows for certain."""

from __future__ import annotations

from collections import Counter
from typing import get_args, get_type_hints

import pytest

from local_cloud.sagemaker.core.open_facts import OpenFacts
from tests.conformance import report
from tests.conformance.account import Account
from tests.conformance.fact import Fact
from tests.conformance.facts.all import ALL


@pytest.mark.parametrize("fact", ALL, ids=[fact.name for fact in ALL])
def test_the_laptop_gives_the_first_expected_answer(fact: Fact, account: Account) -> None:
    assert fact.ask(account) == fact.expected[0]


def test_each_fact_has_a_name_of_its_own_and_a_source() -> None:
    assert [name for name, n in Counter(fact.name for fact in ALL).items() if n > 1] == []
    assert [fact.name for fact in ALL if not (fact.source and fact.expected)] == []


def test_all_facts_together_cost_less_than_two_dollars() -> None:
    assert sum(fact.dollars for fact in ALL) < 2


def test_each_setting_of_the_laptop_cloud_is_an_open_fact_with_as_many_answers() -> None:
    answers = {name: len(get_args(kind)) for name, kind in get_type_hints(OpenFacts).items()}
    asked = {fact.switch: len(fact.expected) for fact in ALL if fact.switch}
    assert asked == answers


def test_the_page_of_facts_is_up_to_date() -> None:
    assert report.PAGE.read_text("utf-8") == report.page(ALL, report.load())
