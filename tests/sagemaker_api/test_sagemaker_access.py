"""IAM bounds who may call SageMaker, which roles they pass, and what jobs may touch."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.sagemaker.core import authorization
from tests.sagemaker_api.sagemaker_cloud import ROLE, Cloud, definition

PLACE = "arn:aws:sagemaker:us-east-1:000000000000:"
JOB = f"{PLACE}processing-job/a"

ARN = "arn:aws:sagemaker:us-east-1:000000000000"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture
def user(cloud: Cloud, name: str) -> Callable[..., Any]:
    """A SageMaker client of a new user who may do what the statements say."""

    def make(*statements: dict[str, Any]) -> Any:
        iam = cloud.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return cloud.client(
            "sagemaker",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return make


def denied(call: Callable[..., Any], **request: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return caught.value.response["Error"]["Message"]


def test_a_pipeline_is_allowed_by_its_arn_and_another_is_not(
    sagemaker: Any, pipeline: str, user: Callable[..., Any]
) -> None:
    mine = user(allow("sagemaker:DescribePipeline", f"{ARN}:pipeline/{pipeline}"))
    assert mine.describe_pipeline(PipelineName=pipeline)["PipelineName"] == pipeline
    assert "sagemaker:DescribePipeline" in denied(mine.describe_pipeline, PipelineName="other")
    assert "sagemaker:DeletePipeline" in denied(mine.delete_pipeline, PipelineName=pipeline)


def test_who_may_approve_can_be_narrowed_by_the_approval_itself(
    sagemaker: Any, name: str, user: Callable[..., Any]
) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    arn = sagemaker.create_model_package(ModelPackageGroupName=name)["ModelPackageArn"]
    condition = {"StringEquals": {"sagemaker:ModelApprovalStatus": "Rejected"}}
    mine = user(
        allow("sagemaker:UpdateModelPackage", f"{ARN}:model-package/{name}/*", Condition=condition)
    )
    mine.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    denied(mine.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_a_role_must_be_passed_to_sagemaker(name: str, user: Callable[..., Any]) -> None:
    mine = user(
        allow("sagemaker:*", "*"),
        allow(
            "iam:PassRole",
            ROLE,
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    )
    request = {"PipelineName": name, "PipelineDefinition": definition()}
    other = ROLE.replace("pipeline-role", "admin")
    message = denied(mine.create_pipeline, **request, RoleArn=other)
    assert f"iam:PassRole on resource: {other}" in message
    assert mine.create_pipeline(**request, RoleArn=ROLE)["PipelineArn"]


@pytest.mark.parametrize(
    ("operation", "request_", "resource"),
    [
        ("StartPipelineExecution", {"PipelineName": "p"}, f"{ARN}:pipeline/p"),
        ("StartPipelineExecution", {"PipelineName": f"{ARN}:pipeline/p"}, f"{ARN}:pipeline/p"),
        ("CreateModelPackage", {"ModelPackageGroupName": "g"}, f"{ARN}:model-package/g/*"),
        ("CreateModelPackage", {"ModelPackageName": "m"}, f"{ARN}:model-package/m"),
        ("DescribeTrainingJob", {"TrainingJobName": "t"}, f"{ARN}:training-job/t"),
        ("ListTags", {"ResourceArn": f"{ARN}:model/m"}, f"{ARN}:model/m"),
        ("ListPipelines", {}, "*"),
        ("DescribePipeline", ["no object"], "*"),
    ],
)
def test_each_operation_is_authorised_on_its_resource(
    operation: str, request_: object, resource: str
) -> None:
    body = json.dumps(request_).encode()
    found = authorization.resource_arn(operation, body, "us-east-1", "000000000000")
    assert found == resource


@pytest.fixture
def role(cloud: Cloud, name: str) -> Callable[..., Any]:
    """The ARN of a role that a service may assume and that may read one prefix."""

    def make(service: str, condition: Any = None) -> Any:
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trust |= {"Condition": condition} if condition else {}
        iam = cloud.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        iam.put_role_policy(
            RoleName=name,
            PolicyName="inline",
            PolicyDocument=policy(allow("s3:GetObject", "arn:aws:s3:::job-data/mine/*")),
        )
        return made["Arn"]

    return make


def test_a_job_reads_what_its_role_allows_and_nothing_else(
    cloud: Cloud, role: Callable[[str], str], name: str
) -> None:
    arn = role("sagemaker.amazonaws.com")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="job-data")
    for key in ("mine/a", "other/a"):
        s3.put_object(Bucket="job-data", Key=key, Body=b"text")
    who = cloud.engine("identity", arn, JOB)
    assert who == f"arn:aws:sts::000000000000:assumed-role/{name}/SageMaker"
    assert cloud.engine("read", arn, JOB, "job-data", "mine/a") == "text"
    assert "AccessDenied" in cloud.engine("read", arn, JOB, "job-data", "other/a")["error"]


def test_a_role_that_does_not_trust_sagemaker_is_not_assumed(
    cloud: Cloud, role: Callable[[str], str]
) -> None:
    answer = cloud.engine("identity", role("lambda.amazonaws.com"), JOB)
    assert "allows principal 'sagemaker.amazonaws.com' to assume the role" in answer["error"]


def test_a_role_that_is_not_there_is_not_assumed(cloud: Cloud) -> None:
    assert "Could not assume role" in cloud.engine("identity", ROLE, JOB)["error"]


KINDS = ("processing-job/a", "training-job/a", "pipeline/p")


@pytest.mark.parametrize(
    ("condition", "trusted"),
    [
        ({"ArnLike": {"aws:SourceArn": f"{PLACE}*"}}, KINDS),
        ({"ArnLike": {"aws:SourceArn": f"{PLACE}processing-job/*"}}, KINDS[:1]),
        ({"ArnLike": {"aws:SourceArn": f"{PLACE}pipeline/*"}}, KINDS[2:]),
        ({"ArnEquals": {"aws:SourceArn": f"{PLACE}training-job/b"}}, ()),
        ({"StringEquals": {"aws:SourceAccount": "000000000000"}}, KINDS),
        ({"StringEquals": {"aws:SourceAccount": "111111111111"}}, ()),
    ],
)
def test_a_role_may_name_the_jobs_and_pipelines_in_whose_name_it_is_assumed(
    cloud: Cloud, role: Callable[..., str], condition: Any, trusted: tuple[str, ...]
) -> None:
    arn = role("sagemaker.amazonaws.com", condition)
    answers = {kind: cloud.engine("identity", arn, f"{PLACE}{kind}") for kind in KINDS}
    assert tuple(kind for kind in KINDS if isinstance(answers[kind], str)) == trusted


def test_a_jobs_lines_are_in_cloudwatch_logs(cloud: Cloud, name: str) -> None:
    for lines in (["one", ""], ["two\ttabs"]):
        cloud.engine("log", "/aws/sagemaker/ProcessingJobs", name, lines)
    told = cloud.client("logs").get_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamName=name, startFromHead=True
    )
    assert [event["message"] for event in told["events"]] == ["one", "two\ttabs"]


@pytest.fixture
def shared(cloud: Cloud, sagemaker: Any, name: str) -> tuple[str, Any, Callable[..., None]]:
    """A version in this account, and SageMaker as the root of another account calls it."""
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    arn = sagemaker.create_model_package(ModelPackageGroupName=name)["ModelPackageArn"]
    other = cloud.client("sagemaker", aws_access_key_id="111122223333")

    def share(*actions: str) -> None:
        statement = allow(list(actions), [f"{ARN}:model-package/{name}/*"])
        statement["Principal"] = {"AWS": "arn:aws:iam::111122223333:root"}
        sagemaker.put_model_package_group_policy(
            ModelPackageGroupName=name, ResourcePolicy=policy(statement)
        )

    return arn, other, share


def test_another_account_sees_only_what_the_groups_policy_shares(
    sagemaker: Any, shared: tuple[str, Any, Callable[..., None]]
) -> None:
    arn, other, share = shared
    message = denied(other.describe_model_package, ModelPackageName=arn)
    assert "no resource-based policy allows the sagemaker:DescribeModelPackage" in message
    share("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage")
    assert other.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn
    other.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    told = sagemaker.describe_model_package(ModelPackageName=arn)
    assert told["ModelApprovalStatus"] == "Approved"
    assert told["LastModifiedBy"]["IamIdentity"]["Arn"] == "arn:aws:iam::111122223333:root"
    denied(other.delete_model_package, ModelPackageName=arn)
    group = sagemaker.describe_model_package_group(ModelPackageGroupName=arn.split("/")[1])
    ask = {"ModelPackageGroupName": group["ModelPackageGroupArn"]}
    denied(other.list_model_packages, **ask)
    denied(other.create_model_package, **ask)
    share("sagemaker:ListModelPackages")
    listed = other.list_model_packages(**ask)["ModelPackageSummaryList"]
    assert [row["ModelPackageArn"] for row in listed] == [arn]


def test_a_model_of_a_shared_version_needs_the_groups_policy(
    shared: tuple[str, Any, Callable[..., None]], name: str
) -> None:
    arn, other, share = shared
    request = {"ModelName": name, "PrimaryContainer": {"ModelPackageName": arn}}
    denied(other.create_model, **request)
    share("sagemaker:CreateModel")
    assert ":111122223333:model/" in other.create_model(**request)["ModelArn"]


def test_step_functions_reaches_sagemaker_by_the_sdk_integration(
    cloud: Cloud, pipeline: str
) -> None:
    states = cloud.client("stepfunctions")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
    role = cloud.client("iam").create_role(
        RoleName=f"{pipeline}-r",
        AssumeRolePolicyDocument=policy(trust | {"Action": "sts:AssumeRole"}),
    )["Role"]["Arn"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:startPipelineExecution",
        "Parameters": {
            "PipelineName": pipeline,
            "PipelineParameters": [{"Name": "Input", "Value": "s3://bucket/key"}],
        },
        "Catch": [{"ErrorEquals": ["SageMaker.ResourceNotFoundException"], "Next": "Lost"}],
        "End": True,
    }
    lost = json.loads(json.dumps(task).replace(pipeline, "nothing"))
    found = []
    for name, first in (("there", task), ("lost", lost)):
        document = {"StartAt": "A", "States": {"A": first, "Lost": {"Type": "Pass", "End": True}}}
        machine = states.create_state_machine(
            name=f"{pipeline}-{name}", definition=json.dumps(document), roleArn=role
        )["stateMachineArn"]
        run = states.start_execution(stateMachineArn=machine)["executionArn"]
        while (told := states.describe_execution(executionArn=run))["status"] == "RUNNING":
            time.sleep(0.05)
        found.append(json.loads(told["output"]))
    assert f":pipeline/{pipeline}/execution/" in found[0]["PipelineExecutionArn"]
    assert found[1]["Error"] == "SageMaker.ResourceNotFoundException"
