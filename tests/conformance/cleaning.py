"""Deletes what a run made, whatever is left of it, and says what could not be deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from gitlab.exceptions import GitlabError

from tests.conformance.gitlab_project import GitLabProject
from tests.conformance.journal import Journal

# Codes that say that a resource is not there, as the services here spell it.
GONE = {
    *("ResourceNotFound", "ResourceNotFoundException", "NoSuchEntity", "NoSuchBucket"),
    *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "StateMachineDoesNotExist"),
}
Delete = Callable[[boto3.Session, str], None]


def clean(
    session: boto3.Session, journal: Journal, gitlab: GitLabProject | None = None
) -> list[str]:
    """Delete a run's resources, the newest first; return a line for each that is still there.

    The journal is removed once nothing is left, so a run that was killed can be cleaned any time.
    """
    left = []
    for made in journal.made():
        try:
            if made.kind in DELETE:
                DELETE[made.kind](session, made.name)
            elif gitlab:
                gitlab.undo[made.kind](made.name)
            else:
                left.append(f"{made.kind} {made.name}: no GITLAB was given")
        except GitlabError as error:
            if error.response_code != 404:
                left.append(f"{made.kind} {made.name}: {error}")
        except ClientError as error:
            if not _is_gone(error):
                left.append(f"{made.kind} {made.name}: {error}")
        except (BotoCoreError, OSError) as error:
            left.append(f"{made.kind} {made.name}: {error}")
    if not left:
        journal.close()
    return left


def _is_gone(error: ClientError) -> bool:
    code = error.response["Error"]["Code"]
    return code in GONE or (
        code == "ValidationException" and "does not exist" in error.response["Error"]["Message"]
    )


def _queue(session: boto3.Session, name: str) -> None:
    sqs = session.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _rule(session: boto3.Session, name: str) -> None:
    events = session.client("events")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    if targets:
        events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=name)


def _bucket(session: boto3.Session, name: str) -> None:
    bucket = session.resource("s3").Bucket(name)
    bucket.object_versions.delete()
    bucket.delete()


def _role(session: boto3.Session, name: str) -> None:
    iam = session.client("iam")
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _pipeline(session: boto3.Session, name: str) -> None:
    session.client("sagemaker").delete_pipeline(
        PipelineName=name, ClientRequestToken=(name * 2)[:128]
    )


def _group(session: boto3.Session, name: str) -> None:
    sagemaker = session.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=name)
    for package in [found for page in pages for found in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def _machine(session: boto3.Session, name: str) -> None:
    states = session.client("stepfunctions")
    pages: Any = states.get_paginator("list_state_machines").paginate()
    for machine in [found for page in pages for found in page["stateMachines"]]:
        if machine["name"] == name:
            states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def _topic(session: boto3.Session, name: str) -> None:
    sns = session.client("sns")
    pages = sns.get_paginator("list_topics").paginate()
    for topic in [found["TopicArn"] for page in pages for found in page["Topics"]]:
        if topic.rpartition(":")[2] == name:
            for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
                for subscription in page["Subscriptions"]:
                    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
            sns.delete_topic(TopicArn=topic)


def _table(session: boto3.Session, name: str) -> None:
    dynamodb = session.client("dynamodb")
    dynamodb.get_waiter("table_exists").wait(TableName=name)  # one that is being made stays
    dynamodb.delete_table(TableName=name)


DELETE: dict[str, Delete] = {
    "queue": _queue,
    "topic": _topic,
    "table": _table,
    "rule": _rule,
    "bucket": _bucket,
    "role": _role,
    "pipeline": _pipeline,
    "model package group": _group,
    "state machine": _machine,
}
