"""A template is deployed as CloudFormation would, and a failure names what failed."""

from pathlib import Path

import pytest

from local_cloud.deploy.build import Builder, Toolchain
from local_cloud.deploy.stack import DeployError, Deployment
from local_cloud.deploy.template import TemplateError
from tests.cloud.cloud_sample import TEMPLATE, Sample


@pytest.fixture
def deployment(sample: Sample, tmp_path: Path) -> Deployment:
    return Deployment(sample.session, Builder(tmp_path / "cache", Toolchain("pip", "python3")), "s")


def write(path: Path, resources: str) -> Path:
    path.write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{resources}")
    return path


def test_a_failed_resource_is_named_with_its_reason(deployment: Deployment, tmp_path: Path) -> None:
    template = write(
        tmp_path / "template.yaml",
        "  Fine: {Type: AWS::SQS::Queue}\n"
        "  Broken:\n"
        "    Type: AWS::SageMaker::ModelPackageGroup\n"
        "    DependsOn: Fine\n"
        "    Properties: {ModelPackageGroupName: no_underscore}\n",
    )

    with pytest.raises(
        DeployError, match=r"Broken \(AWS::SageMaker::ModelPackageGroup\): .*no_underscore"
    ):
        deployment.deploy(template, {})

    write(template, "  Fine: {Type: AWS::SQS::Queue}\nOutputs: {Url: {Value: !Ref Fine}}\n")
    assert deployment.deploy(template, {})["Url"].startswith("http")


def test_deploying_again_changes_nothing_and_a_new_parameter_changes_what_it_is_for(
    sample: Sample,
) -> None:
    cloud = sample.cloud
    same = Deployment(
        sample.session,
        Builder(cloud.home / "build", Toolchain("pip", "python3")),
        cloud.stack_name,
    )
    cloudformation = sample.client("cloudformation")

    def updated() -> object:
        stack = cloudformation.describe_stacks(StackName=cloud.stack_name)["Stacks"][0]
        return stack.get("LastUpdatedTime")

    email = {"AlertEmail": cloud.alert_email, "NotDeclared": "left out"}
    same.deploy(TEMPLATE, email)
    before = updated()
    assert same.deploy(TEMPLATE, email) == same.outputs()
    assert updated() == before

    same.deploy(TEMPLATE, email | {"Note": "second"})
    assert sample.invoke(do="environment")["environment"]["NOTE"] == "second"
    same.deploy(TEMPLATE, email | {"Note": "first"})
    assert sample.invoke(do="environment")["environment"]["NOTE"] == "first"


def test_a_ref_to_a_secret_is_its_arn(sample: Sample) -> None:
    arn = sample.outputs["SecretArn"]

    assert arn.startswith("arn:aws:secretsmanager:us-east-1:")
    assert sample.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"] == "{}"


def test_a_function_must_say_how_it_is_built(deployment: Deployment, tmp_path: Path) -> None:
    template = write(
        tmp_path / "template.yaml",
        "  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: code, Handler: a.b}}\n",
    )

    with pytest.raises(TemplateError, match="F: Metadata must say SkipBuild"):
        deployment.deploy(template, {})


def test_a_missing_template_is_named(deployment: Deployment, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no such template"):
        deployment.deploy(tmp_path / "none.yaml", {})


def test_a_topic_has_the_key_of_its_template(sample: Sample) -> None:
    answer = sample.client("sns").get_topic_attributes(TopicArn=sample.outputs["Topic"])
    key = sample.client("kms").describe_key(KeyId="alias/sample")["KeyMetadata"]["KeyId"]
    assert answer["Attributes"]["KmsMasterKeyId"] == key
