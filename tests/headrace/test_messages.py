"""What people read."""

import ast
import json
from pathlib import Path

import headrace
import pytest
from headrace.domain.message import KINDS, Message
from headrace.notifications import version_messages
from headrace.notifications.format import detail_lines, in_studio, studio, when
from headrace.notifications.run_messages import drift, not_taken, plain

from tests.headrace import golden_messages
from tests.headrace.golden_messages import CASES, NUMBERS, STEP
from tests.headrace.samples import RUN, package


@pytest.mark.parametrize("case", CASES)
def test_a_message_reads_as_it_was_reviewed(case: str) -> None:
    assert golden_messages.path(case).read_text("utf-8") == golden_messages.shown(CASES[case]), (
        f"changed on purpose? `python -m {golden_messages.__name__}` renews the files"
    )


def test_there_is_a_golden_file_for_each_kind_and_no_other() -> None:
    kinds = [kind for group in KINDS.values() for kind in group]
    assert {message.kind for message in CASES.values()} == set(kinds)
    assert len(kinds) == len(set(kinds))
    files = {file.name for file in golden_messages.FOLDER.iterdir()}
    assert files == {golden_messages.path(case).name for case in CASES}


@pytest.mark.parametrize("module", ["run_messages", "version_messages"])
def test_every_kind_in_the_code_can_be_wanted(module: str) -> None:
    tree = ast.parse((Path(headrace.__path__[0]) / "notifications" / f"{module}.py").read_text())
    named = [
        node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "kind"
    ]
    constants = {
        constant.value
        for node in named
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant) and constant.value != "run-"
    }
    assert constants, module
    assert constants <= {kind for group in KINDS.values() for kind in group}


@pytest.mark.parametrize("case", CASES)
def test_a_message_says_its_project_and_machines_get_all_of_it(case: str) -> None:
    message = CASES[case]
    assert message.subject_line == message.subject, "short enough, and ASCII"
    assert message.subject.startswith("abalone: ")
    values = json.loads(json.dumps(message.values()))
    assert (values["kind"], values["project"]) == (message.kind, "abalone")
    assert "" not in message.values().values(), "what is not known is left out"


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


def test_a_long_name_leaves_room_for_what_became_of_the_file() -> None:
    message = not_taken("abalone", f"abalone/training/data/raw/{'z' * 300}.csv", "too long")
    assert message.subject_line.endswith("z... was ignored")


def test_a_registered_version_says_its_metric_and_how_to_approve_it() -> None:
    message = version_messages.registered(
        "abalone", package(1), "mse 6.1, threshold 10.0", "nothing yet", NUMBERS
    )
    assert "mse 6.1, threshold 10.0" in message.text
    assert f"--model-package-arn {package(1).arn}" in message.text
    assert "--model-approval-status Approved" in message.text
    assert "review_board_reference" not in message.text


def test_a_retuned_version_asks_for_the_boards_reference() -> None:
    retuned = package(2, metadata={"kind": "training-hpo"})
    message = version_messages.registered(
        "abalone", retuned, "mse 5.9", "version 1, mse 6.1", NUMBERS
    )
    assert "review_board_reference" in message.text
    assert "version 1, mse 6.1" in message.text


def test_drift_is_reported_with_its_features_and_the_reports_uri() -> None:
    violations = [
        {"feature_name": f"f{n}", "constraint_check_type": "c", "description": f"d{n}"}
        for n in range(12)
    ]
    message = drift("abalone", STEP, "s3://b/v.json", violations)
    assert "f0: d0" in message.text
    assert "and 2 more" in message.text
    assert "s3://b/v.json" in message.text
    one = drift("abalone", STEP, "s3://b/v.json", violations[:1])
    assert "1 data-quality violation in" in one.subject


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_link_is_to_the_console_of_the_region_and_partition(
    partition: str, region: str, host: str
) -> None:
    arn = f"arn:{partition}:sagemaker:{region}:123456789012:pipeline/p/execution/e"
    assert studio(arn) == f"https://{host}/sagemaker/home?region={region}#/studio-landing"


def test_a_version_that_names_no_run_has_no_link() -> None:
    assert in_studio("unknown") == in_studio("") == ()
    assert in_studio(RUN)[0].endswith("headrace-abalone-inference, Executions, 9v2kq0x4w7ab:")


def test_unknown_details_are_left_out() -> None:
    assert detail_lines(since=when(0), because="upload") == ("Because  upload",)


def test_what_lambda_wraps_around_an_error_is_taken_off() -> None:
    assert plain('{"errorMessage": "no role", "stackTrace": []}') == "no role"
    assert plain("no role") == "no role"
    assert plain("17") == "17"
