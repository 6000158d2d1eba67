"""Managed policies: those of AWS that MiniStack does not have, and none that do not exist.

MiniStack holds AWS's own documents of the common ones (AdministratorAccess, PowerUserAccess,
ReadOnlyAccess, AmazonS3FullAccess, AWSLambdaBasicExecutionRole and others), and attaches a policy
of any name, which then allows nothing. AWS refuses to attach what is not there.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import iam

from local_cloud.ministack import seams

_NAMES = ("SageMaker", "Sagemaker", "sagemaker")
_OBJECTS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
_BUCKETS = ["s3:CreateBucket", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets"]
_METRICS = ["DescribeAlarms", "GetMetricData", "GetMetricStatistics", "ListMetrics"]
_LOGS = ["CreateLogGroup", "CreateLogStream", "Describe*", "GetLogEvents", "PutLogEvents"]
_TOPICS = ["sns:Subscribe", "sns:CreateTopic", "sns:Publish"]


def _allow(actions: Any, resources: Any = "*", **condition: dict[str, str]) -> dict[str, Any]:
    more = {"Condition": condition} if condition else {}
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


# Abridged from AWS Managed Policy Reference, AmazonSageMakerFullAccess: only what it grants in the
# services that the laptop cloud has. SageMaker Studio's resources are left out with it.
_SAGEMAKER = [
    {
        "Effect": "Allow",
        "Action": "sagemaker:*",
        "NotResource": [
            f"arn:aws:sagemaker:*:*:{kind}/*"
            for kind in ("domain", "user-profile", "app", "space", "flow-definition")
        ],
    },
    _allow(
        [f"cloudwatch:{name}" for name in (*_METRICS, "PutMetricAlarm", "PutMetricData")]
        + [f"logs:{name}" for name in _LOGS]
        + ["iam:ListRoles", "kms:DescribeKey", "kms:ListAliases", "lambda:ListFunctions"]
        + ["secretsmanager:ListSecrets", "sns:ListTopics", "tag:GetResources"]
    ),
    _allow(_OBJECTS, [f"arn:aws:s3:::*{name}*" for name in (*_NAMES, "aws-glue")]),
    _allow("s3:GetObject", StringEqualsIgnoreCase={"s3:ExistingObjectTag/SageMaker": "true"}),
    _allow([*_BUCKETS, "s3:GetBucketCors", "s3:PutBucketCors"]),
    _allow(
        "lambda:InvokeFunction",
        [f"arn:aws:lambda:*:*:function:*{name}*" for name in (*_NAMES, "LabelingFunction")],
    ),
    _allow(_TOPICS, [f"arn:aws:sns:*:*:*{name}*" for name in _NAMES]),
    _allow(
        ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        "arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*",
    ),
    _allow(
        "iam:PassRole",
        "arn:aws:iam::*:role/*",
        StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"},
    ),
]
DOCUMENTS = {"AmazonSageMakerFullAccess": _SAGEMAKER}


def missing(policy_arn: str) -> str | None:
    """Return why a policy cannot be attached, or None."""
    if iam.policy_known(policy_arn):
        return None
    return f"Policy {policy_arn} does not exist or is not attachable."


def install() -> None:
    """Add AWS's policies, and refuse to attach one that does not exist."""
    for name, statements in DOCUMENTS.items():
        arn = f"{iam._AWS_MANAGED_POLICY_PREFIX}{name}"
        if arn in iam._aws_managed_policies:
            raise seams.SeamMovedError(f"MiniStack has {name} by now; was {seams.VERSION}")
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam._aws_managed_policies[arn] = iam._make_aws_managed_record(name, document)
    for kind in ("Role", "User", "Group"):
        operation = f"Attach{kind}Policy"
        if operation not in iam._IAM_HANDLERS:
            raise seams.SeamMovedError(f"MiniStack's IAM has no {operation}; was {seams.VERSION}")
        iam._IAM_HANDLERS[operation] = _checked(iam._IAM_HANDLERS[operation])

    def attach(entity: dict[str, Any], policy_arn: str) -> None:
        if why := missing(policy_arn):
            raise ValueError(why)  # CloudFormation's: the resource fails with it
        attach_any(entity, policy_arn)

    attach_any = seams.replace(iam, "attach_managed_policy", "entity policy_arn", attach)


def _checked(attach: Any) -> Any:
    def checked(parameters: dict[str, Any]) -> Any:
        if why := missing(iam._p(parameters, "PolicyArn")):
            return iam._error(404, "NoSuchEntity", why, ns="iam")
        return attach(parameters)

    return checked
