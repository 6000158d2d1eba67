"""What is in an account, by listing every service that the stack or SageMaker can leave it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3

from local_cloud.cloud import Cloud

# Service: operation, where the answer has the list, what a thing in it is called ("" for itself).
LISTS = [
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("dynamodb", "list_backups", "BackupSummaries", "BackupName"),
    ("events", "list_event_buses", "EventBuses", "Name"),
    ("events", "list_rules", "Rules", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_users", "Users", "UserName"),
    ("iam", "list_groups", "Groups", "GroupName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_layers", "Layers", "LayerName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sagemaker", "list_models", "Models", "ModelName"),
    ("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList",
     "ModelPackageGroupName"),
    ("sagemaker", "list_model_packages", "ModelPackageSummaryList", "ModelPackageArn"),
    ("sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "Endpoint"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
]  # fmt: skip


def of(cloud: Cloud, account: str) -> set[tuple[str, str]]:
    """Return (service, name) of everything in an account."""
    session = cloud.session(account)
    found = {
        (service, str(one[name]) if name else str(one))
        for service, operation, member, name in LISTS
        for one in _listed(session.client(service), operation, member)
    }
    found |= {("kms", key) for key in _keys(session.client("kms"))}
    found |= {("cloudformation", name) for name in _stacks(session.client("cloudformation"))}
    return found


def _listed(client: Any, operation: str, member: str) -> Iterator[Any]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate():
            yield from page.get(member) or []
        return
    call: Callable[[], dict[str, Any]] = getattr(client, operation)
    yield from call().get(member) or []


def _keys(kms: Any) -> Iterator[str]:
    """Keys that are not on their way out: KMS waits for days before it deletes one."""
    for key in _listed(kms, "list_keys", "Keys"):
        if kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield key["KeyId"]


def _stacks(cloudformation: Any) -> Iterator[str]:
    for one in _listed(cloudformation, "list_stacks", "StackSummaries"):
        if one["StackStatus"] != "DELETE_COMPLETE":
            yield one["StackName"]


def objects(session: boto3.Session, bucket: str) -> list[str]:
    """Return the keys of all versions in a bucket."""
    pages = session.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    return [one["Key"] for page in pages for one in page.get("Versions", [])]
