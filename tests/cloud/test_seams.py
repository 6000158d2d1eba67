"""A seam that MiniStack has moved stops the start, and says which."""

import types

import pytest

from local_cloud.ministack.seams import VERSION, SeamMovedError, replace


def test_the_pinned_version_is_the_one_the_seams_were_written_for() -> None:
    from importlib.metadata import version

    assert version("ministack") == VERSION


def test_what_was_there_is_returned_and_replaced() -> None:
    owner = types.SimpleNamespace(__name__="eventbridge", send=lambda arn, payload: "old")

    old = replace(owner, "send", "arn payload", lambda arn, payload: "new")

    assert (old("", ""), owner.send("", "")) == ("old", "new")


def test_a_function_that_is_gone_is_named() -> None:
    with pytest.raises(SeamMovedError, match=r"no eventbridge\.send; these seams"):
        replace(types.SimpleNamespace(__name__="eventbridge"), "send", "arn payload", print)


def test_a_function_that_takes_something_else_is_named() -> None:
    owner = types.SimpleNamespace(__name__="eventbridge", send=lambda target: None)

    with pytest.raises(SeamMovedError, match=r"takes \(target\) and not \(arn payload\)"):
        replace(owner, "send", "arn payload", print)
