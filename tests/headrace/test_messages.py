"""What people read."""

import pytest
from headrace import messages, model_messages
from headrace.message import Message

from tests.headrace.conftest import package


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("abalone: größer\nBcc: x@example.com", "abalone: gr??er Bcc: x@example.com"),
        ("a" * 300, "a" * 96 + "..."),
        ("\x07bell", "?bell"),
        ("", "Headrace"),
    ],
)
def test_a_subject_is_one_short_line_of_ascii(subject: str, line: str) -> None:
    assert Message("kind", "abalone", subject, "text").subject_line == line


def test_a_registered_version_says_its_metric_and_how_to_approve_it() -> None:
    message = model_messages.registered(
        "abalone", package(1), "mse 6.1, threshold 10.0", "nothing yet"
    )
    assert "mse 6.1, threshold 10.0" in message.text
    assert f"--model-package-arn {package(1).arn}" in message.text
    assert "--model-approval-status Approved" in message.text
    assert "review_board_reference" not in message.text


def test_a_retuned_version_asks_for_the_boards_reference() -> None:
    retuned = package(2, metadata={"kind": "training-hpo"})
    message = model_messages.registered("abalone", retuned, "mse 5.9", "version 1, mse 6.1")
    assert "review_board_reference" in message.text
    assert "version 1, mse 6.1" in message.text


def test_drift_is_told_with_its_features_and_where_the_report_is() -> None:
    violations = [
        {"feature_name": f"f{n}", "constraint_check_type": "c", "description": f"d{n}"}
        for n in range(12)
    ]
    message = messages.drift("abalone", "p", "arn/execution/x", "s3://b/v.json", violations)
    assert "f0: d0" in message.text
    assert "and 2 more" in message.text
    assert "s3://b/v.json" in message.text
