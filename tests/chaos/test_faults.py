"""Each kind of fault against the sample stack: what is done is written down, and true."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud.chaos.chaos import Bursts, Chaos, Faults
from local_cloud.chaos.gitlab import around
from local_cloud.gitlab.gitlab import GitLab, start_gitlab
from tests.cloud.cloud_sample import Sample, eventually


def told(home: Path, kind: str, about: str) -> list[str]:
    """The lines of the chaos log of a kind of fault and a subject."""
    log = home / "logs" / "chaos.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if line.split()[1] == kind and about in line]


def bodies(sample: Sample, queue: str, seconds: float) -> list[str]:
    """What arrives in a queue within some seconds, in the order in which it arrives."""
    sqs, url, found = sample.client("sqs"), sample.outputs[queue], []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(message["Body"])
        time.sleep(0.05)
    return found


def faults_of(home: Path, **shares: Any) -> Faults:
    faults = Faults(Chaos(**{"seed": 1, **shares}), home)
    faults.write()
    faults.switch(True)
    return faults


# --- by seed --------------------------------------------------------------------------------------


def strikes(faults: Faults) -> list[str | None]:
    bursts = Bursts(faults, "any", {"a": 0.2, "b": 0.2})
    return [bursts.strike("subject") for _ in range(200)]


def test_a_seed_deals_the_same_faults_again(tmp_path: Path) -> None:
    first, again, other = (strikes(faults_of(tmp_path, seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_subjects_do_not_disturb_each_other(tmp_path: Path) -> None:
    alone, among = (Bursts(faults_of(tmp_path), "any", {"a": 0.3}) for _ in range(2))
    expected = [alone.strike("x") for _ in range(50)]
    found = []
    for _ in range(50):
        found.append(among.strike("x"))
        among.strike("y")
    assert found == expected


def test_who_tries_once_more_than_a_burst_is_long_comes_through(tmp_path: Path) -> None:
    hit = "".join("x" if trouble else "." for trouble in strikes(faults_of(tmp_path)))
    assert max(map(len, hit.replace(".", " ").split())) == Chaos(1).longest_burst
    calms = [calm for calm in hit.split("x") if calm][1:-1]  # those between two bursts
    assert min(map(len, calms)) >= Chaos(1).longest_burst


def test_nothing_happens_while_it_is_off(tmp_path: Path) -> None:
    faults = faults_of(tmp_path)
    faults.switch(False)
    assert set(strikes(faults)) == {None}
    assert not faults.strikes("any", "subject", 1.0)


# --- events ---------------------------------------------------------------------------------------


def test_all_uploads_are_reported_though_late_twice_and_out_of_order(stormy: Sample) -> None:
    keys = [f"storm/{number:02}.csv" for number in range(40)]
    for key in keys:
        stormy.client("s3").put_object(Bucket=stormy.outputs["Bucket"], Key=key, Body=b"1\n")
    found = [json.loads(body)["detail"]["object"]["key"] for body in bodies(stormy, "Seen", 3)]
    assert set(found) == set(keys)
    doubled = told(stormy.cloud.home, "doubled", "Object Created to sample-Seen")
    assert len(found) == len(keys) + len(doubled)
    first_seen = list(dict.fromkeys(found))
    assert first_seen != keys
    assert told(stormy.cloud.home, "late", "Object Created")
    assert told(stormy.cloud.home, "overtaken", "Object Created")


@pytest.fixture
def registry_events(stormy: Sample) -> Iterator[None]:
    events, url = stormy.client("events"), stormy.outputs["Seen"]
    arn = stormy.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]}
    events.put_rule(Name="registry", EventPattern=json.dumps(pattern))
    target = {"Id": "seen", "Arn": arn["Attributes"]["QueueArn"]}
    events.put_targets(Rule="registry", Targets=[target])
    yield
    events.remove_targets(Rule="registry", Ids=["seen"])
    events.delete_rule(Name="registry")


def test_some_of_sagemakers_events_are_lost_and_some_have_two_ids(
    stormy: Sample, registry_events: None
) -> None:
    sagemaker, home = stormy.client("sagemaker"), stormy.cloud.home
    sagemaker.create_model_package_group(ModelPackageGroupName="stormy")
    container = {"Image": "image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arns = [
        sagemaker.create_model_package(
            ModelPackageGroupName="stormy", InferenceSpecification=specification
        )["ModelPackageArn"]
        for _ in range(25)
    ]
    found = [json.loads(body) for body in bodies(stormy, "Seen", 3)]
    ids: dict[str, set[str]] = {}
    for event in found:
        ids.setdefault(event["detail"]["ModelPackageArn"], set()).add(event["id"])
    lost = told(home, "lost", "Model Package State Change")
    assert 0 < len(lost) < 25
    assert all(
        len([line for line in lost if f'"{arn}"' in line]) == (arn not in ids) for arn in arns
    )
    twice = [line for line in told(home, "doubled", "another id") if "ModelPackageArn" in line]
    assert len(twice) == sum(len(found) - 1 for found in ids.values()) > 0


# --- SageMaker ------------------------------------------------------------------------------------


def role_client(stormy: Sample) -> Any:
    """A client with the keys of a role, which tries once."""
    iam, sts = stormy.client("iam"), stormy.client("sts")
    account = stormy.cloud.info["account_id"]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    rights = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(document))["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
    iam.put_role_policy(RoleName="caller", PolicyName="own", PolicyDocument=policy)
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    return boto3.client(
        "sagemaker",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=stormy.cloud.info["region"],
        endpoint_url=stormy.cloud.info["endpoint_url"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_roles_are_throttled_and_lose_answers_of_calls_that_worked(stormy: Sample) -> None:
    client, home, created = role_client(stormy), stormy.cloud.home, []
    codes: dict[str, list[str]] = {}
    for number in range(60):
        name = f"group-{number}"
        try:
            client.create_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            codes.setdefault(error.response["Error"]["Code"], []).append(name)
        else:
            created.append(name)
    assert set(codes) == {"ThrottlingException", "InternalFailure"}
    pages = stormy.client("sagemaker").get_paginator("list_model_package_groups").paginate()
    there = {
        one["ModelPackageGroupName"]
        for page in pages
        for one in page["ModelPackageGroupSummaryList"]
    }
    assert there.isdisjoint(codes["ThrottlingException"])
    assert there.issuperset(created + codes["InternalFailure"])
    operation = "SageMaker.CreateModelPackageGroup"
    assert len(told(home, "throttled", operation)) == len(codes["ThrottlingException"])
    assert len(told(home, "answer", operation)) == len(codes["InternalFailure"])


def test_users_are_left_alone(stormy: Sample) -> None:
    config = Config(retries={"total_max_attempts": 1})
    client = stormy.session.client("sagemaker", config=config)
    for _ in range(60):
        client.list_pipelines()


# --- functions ------------------------------------------------------------------------------------


def killed(stormy: Sample, function: str) -> list[str]:
    return told(stormy.cloud.home, "killed", stormy.outputs[function])


def test_an_invocation_is_killed_in_the_middle(stormy: Sample) -> None:
    before, lambda_, errors = len(killed(stormy, "Function")), stormy.client("lambda"), []
    for number in range(12):
        payload = json.dumps({"do": "sleep", "seconds": 0.2, "number": number})
        answer = lambda_.invoke(FunctionName=stormy.outputs["Function"], Payload=payload)
        if "FunctionError" in answer:
            errors.append(json.loads(answer["Payload"].read())["errorType"])
    assert set(errors) == {"Runtime.ExitError"}
    assert len(killed(stormy, "Function")) - before >= len(errors)


def test_an_asynchronous_event_whose_function_was_killed_is_tried_again(stormy: Sample) -> None:
    logs, group = stormy.client("logs"), f"/aws/lambda/{stormy.outputs['Function']}"

    def ended() -> int:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return str([page["events"] for page in pages]).count('"seen": "sleep"')

    before, already = len(killed(stormy, "Function")), ended()
    for number in range(100, 112):
        stormy.client("lambda").invoke(
            FunctionName=stormy.outputs["Function"],
            InvocationType="Event",
            Payload=json.dumps({"do": "sleep", "seconds": 0.2, "number": number}),
        )
    eventually(lambda: ended() >= already + 12)
    assert len(killed(stormy, "Function")) > before


def test_a_batch_whose_function_was_killed_comes_back(stormy: Sample) -> None:
    sqs, url = stormy.client("sqs"), stormy.outputs["Inbox"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for number in range(10):
        sqs.send_message(QueueUrl=url, MessageBody=f"message {number}")

    def empty() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return set(found.values()) == {"0"}

    eventually(empty, 30)
    assert killed(stormy, "Batch")


# --- GitLab ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLab]:
    root = tmp_path_factory.mktemp("project")
    (root / ".gitlab-ci.yml").write_text("job: {script: [echo done]}\n")
    gitlab = start_gitlab(root, tmp_path_factory.mktemp("gitlab"), {})
    yield gitlab
    gitlab.stop()


def test_gitlab_is_throttled_down_cut_and_late(hosted: GitLab, tmp_path: Path) -> None:
    hosted.surround(around(faults_of(tmp_path, gitlab=0.8, gitlab_late_seconds=0.5)))
    url = f"{hosted.url}/api/v4/projects/{hosted.project_id}"
    seen: dict[str, int] = {}
    for _ in range(60):
        began = time.monotonic()
        try:
            answer = requests.get(url, headers={"PRIVATE-TOKEN": hosted.api_token}, timeout=5)
            what = "late" if time.monotonic() - began >= 0.5 else str(answer.status_code)
        except requests.ConnectionError:
            what = "cut"
        seen[what] = seen.get(what, 0) + 1
    lines = {kind: len(told(tmp_path, kind, "GitLab")) for kind in ("throttled", "down", "late")}
    assert (seen["429"], seen["503"], seen["late"]) == tuple(lines.values())
    cuts = len(told(tmp_path, "cut", "GitLab")) + len(told(tmp_path, "answer", "GitLab"))
    assert seen["cut"] == cuts > 0
    assert seen["200"] > 0
