"""What AWS does not document about identities, with each answer."""

from pathlib import Path

import pytest

from tests.sagemaker_api.sagemaker_cloud import INPUT, ROLE, Cloud, definition

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize("answer", ["iam-identity", "empty", "absent"])
def test_who_started_a_run_and_changed_a_version_may_be_left_out(
    tmp_path: Path, answer: str
) -> None:
    """API_UserContext: IamIdentity exists "for model package groups, model packages, project
    entities, hubs and hub content" only; every member is optional."""
    facts = f"execution_identity={answer},package_identity={answer}"
    cloud = Cloud(tmp_path, open_facts=facts).start()
    try:
        sagemaker = cloud.client("sagemaker")
        sagemaker.create_pipeline(PipelineName="p", PipelineDefinition=definition(), RoleArn=ROLE)
        run = sagemaker.start_pipeline_execution(PipelineName="p", PipelineParameters=INPUT)
        arn = run["PipelineExecutionArn"]
        sagemaker.create_model_package_group(ModelPackageGroupName="g")
        package = sagemaker.create_model_package(ModelPackageGroupName="g")
        told = (
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"]),
        )
    finally:
        cloud.kill()
    wanted = {
        "iam-identity": {"IamIdentity": {"Arn": "arn:aws:iam::000000000000:root"}},
        "empty": {},
        "absent": None,
    }[answer]
    for row in told:
        for name in ("CreatedBy", "LastModifiedBy"):
            found = row.get(name)
            if found:
                del found["IamIdentity"]["PrincipalId"]
            assert found == wanted
