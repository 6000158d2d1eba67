"""The workbench's commands, run as a person runs them, against the laptop's stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from demo.loop import ROOT, TRAINING, Loop
from demo.mailbox import about, mails
from demo.results import Trained
from tests.loop.loop_books import drained, lane, version_of


def workbench(loop: Loop, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": loop.info["endpoint_url"],
        "AWS_ACCESS_KEY_ID": loop.info["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": loop.info["secret_access_key"],
        "AWS_DEFAULT_REGION": loop.info["region"],
        "PYTHONPATH": f"{ROOT}:{ROOT}/layers/headrace",  # prepared environments are of any checkout
    }
    return subprocess.run(
        [Path(sys.prefix) / "bin" / "headrace", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def queue(loop: Loop, logical_id: str) -> str:
    resource = loop.client("cloudformation").describe_stack_resource(
        StackName=loop.info["stack_name"], LogicalResourceId=logical_id
    )
    return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def put(loop: Loop, logical_id: str, body: Any, **attributes: str) -> None:
    loop.sqs.send_message(
        QueueUrl=queue(loop, logical_id),
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )


def test_the_audit_names_what_was_decided_and_why(loop: Loop, trained: Trained) -> None:
    drained(loop)  # the mail may be there before the end of the run is decided
    done = workbench(loop, "audit", "abalone")
    assert done.returncode == 0, done.stderr
    assert f"joined {trained.run.display_name}" in done.stdout
    assert f"because of run/{trained.run.arn}/Succeeded" in done.stdout


def test_the_audit_of_an_unknown_project_names_the_known(loop: Loop, trained: Trained) -> None:
    done = workbench(loop, "audit", "whelk")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no project named whelk in the ledger; there are abalone")
    assert done.stderr.count("\n") == 1


def test_the_lanes_are_there_for_machines(loop: Loop, trained: Trained) -> None:
    lanes = json.loads(workbench(loop, "lanes", "--json").stdout)
    assert loop.training in [lane["pipeline"] for lane in lanes]


def test_the_lanes_say_what_runs_and_what_waits(loop: Loop, trained: Trained) -> None:
    done = workbench(loop, "lanes")
    assert done.returncode == 0, done.stderr
    assert f"{loop.training}: free" in done.stdout


def test_dead_letters_go_where_they_were_bound_and_start_nothing_twice(
    loop: Loop, trained: Trained
) -> None:
    """An upload that was decided long ago, left in each queue in each of its forms."""
    version = version_of(loop, loop.key(TRAINING, "heavy.csv"))
    stored = {"key": version["Key"], "size": version["Size"], "version-id": version["VersionId"]}
    upload = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": version["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {"bucket": {"name": loop.bucket}, "object": stored},
    }
    arn = {"AttributeNames": ["QueueArn"]}
    inbox = loop.info["outputs"]["InboxQueueUrl"]
    inbox_arn = loop.sqs.get_queue_attributes(QueueUrl=inbox, **arn)["Attributes"]["QueueArn"]
    reconcile = loop.client("lambda").get_function(FunctionName="headrace-reconcile")
    reconcile_arn = reconcile["Configuration"]["FunctionArn"]
    before = lane(loop, loop.training)
    runs = loop.run_arns(loop.training)
    put(loop, "InboxDeadLetters", upload)
    put(loop, "RuleDeadLetters", upload, TARGET_ARN=inbox_arn)
    put(loop, "NotifyDeadLetters", upload)
    timer = {"inventory": False}
    function = {"functionArn": f"{reconcile_arn}:$LATEST"}
    put(loop, "RuleDeadLetters", {"requestContext": function, "requestPayload": timer})
    put(loop, "RuleDeadLetters", "what is this?")
    done = workbench(loop, "redrive")
    assert done.returncode == 0, done.stderr
    inbox_name, notify_name = (
        queue(loop, name).rsplit("/")[-1] for name in ("Inbox", "NotifyQueue")
    )
    assert set(done.stdout.splitlines()) == {
        f"2 to {inbox_name}",
        f"1 to {notify_name}",
        "1 to headrace-reconcile",
        "1 left",
    }
    drained(loop)
    assert lane(loop, loop.training) == before
    assert loop.run_arns(loop.training) == runs
    loop.sqs.purge_queue(QueueUrl=queue(loop, "RuleDeadLetters"))


def test_an_event_that_can_never_be_handled_is_a_dead_letter_with_its_reason_and_a_mail(
    loop: Loop,
) -> None:
    mail_dir = Path(loop.info["mail_dir"])
    for source, dead in (("Inbox", "InboxDeadLetters"), ("NotifyQueue", "NotifyDeadLetters")):
        reason = f"unsupported event 'Nothing' from '{source}'"
        put(loop, source, {"source": source, "detail-type": "Nothing", "time": "2026-11-02"})
        found = loop.sqs.receive_message(
            QueueUrl=queue(loop, dead), MessageAttributeNames=["All"], WaitTimeSeconds=20
        )
        (letter,) = found["Messages"]
        assert letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] == reason
        loop.sqs.delete_message(QueueUrl=queue(loop, dead), ReceiptHandle=letter["ReceiptHandle"])
        words = ("became a dead letter", reason)  # to AlertEmail: it is about no single project
        loop.wait("the mail about it", lambda: about(mails(mail_dir), *words))  # noqa: B023


def test_a_stack_that_is_not_there_is_named(loop: Loop) -> None:
    done = workbench(loop, "lanes", "--stack", "nobodys")
    assert done.returncode == 1
    assert "no stack named nobodys in us-east-1" in done.stderr


def test_the_chain_of_a_version_leads_from_its_data_to_what_is_live(
    loop: Loop, trained: Trained, went_live: Any
) -> None:
    done = workbench(loop, "audit", "abalone", "--model-version", "1")
    assert done.returncode == 0, done.stderr
    stored = version_of(loop, loop.key(TRAINING, "heavy.csv"))
    for said in (
        f"{stored['Key']} (version {stored['VersionId']})",
        f"request   {trained.run.display_name}",
        f"run       {trained.run.arn}",
        "because upload of 1 file: heavy.csv",
        f"version   {trained.version.arn}",
        "user/admin: refresh",
        f"gitlab: live (through {loop.info['gitlab_url']}",
        "live, since " if "it is live" in done.stdout else "it was live from ",
    ):
        assert said in done.stdout
    found = json.loads(workbench(loop, "audit", "abalone", "--model-version", "1", "--json").stdout)
    assert found["objects"] == [{"key": stored["Key"], "version_id": stored["VersionId"]}]
    assert found["reviews"][0]["outcome"] == "refresh"


def test_the_chain_of_a_retuned_version_names_the_board_and_the_missed_threshold(
    loop: Loop, reviewed: Any
) -> None:
    done = workbench(loop, "audit", "abalone", "--model-version", "2")
    assert done.returncode == 0, done.stderr
    for said in (
        "heavy.csv (version ",
        "sagemaker: retuning retune-",
        "(retune because mse ",
        "returned to pending (review_board_reference is missing",
        "refresh (board reference MRB-2025-017)",
        "board reference MRB-2025-017",
    ):
        assert said in done.stdout


def test_a_version_that_is_not_there_is_named(loop: Loop) -> None:
    done = workbench(loop, "audit", "abalone", "--model-version", "99")
    assert done.returncode == 1
    assert "looking up version 99 of headrace-abalone" in done.stderr
