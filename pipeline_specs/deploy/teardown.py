"""Deletes a project, or a whole stack, from an account: all but its data, unless asked to.

Data means the bucket's objects and the ledger's audit. SageMaker keeps the records of jobs, which
cannot be deleted, and the log groups that all jobs of an account share.
"""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from headrace.adapters.client import from_aws
from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.sagemaker import Execution, SageMaker
from headrace.domain.errors import PermanentError
from headrace.domain.project import Project

from pipeline_specs.deploy.account import Account

STOPPED_SECONDS = 900.0  # jobs get two minutes to shut down, then their instances go
_POLL_SECONDS = 2.0
_DELETED_AT_ONCE = 1000  # objects that DeleteObjects takes
_GOING_ON = ("Executing", "Stopping")
_GONE = ("does not exist", "could not find")


def project(account: Account, project: Project, with_data: bool) -> Iterator[str]:
    """Delete everything of a project; yield a line for each thing.

    Its settings leave the ledger first, so that later events are ignored.
    """
    yield from account.delete_schedules(project)
    account.forget(project)
    yield f"settings of {project.name} in the ledger: deleted"
    sagemaker = account.sagemaker
    for name in reversed(project.pipelines.all):
        runs = SageMaker(sagemaker).recent(name)
        _stop(sagemaker, runs)
        models = [model for run in runs for model in _models(sagemaker, run.arn)]
        for model in models:
            sagemaker.delete_model(ModelName=model)
        if models:
            yield f"{len(models)} models of {name}: deleted"
        yield f"{name}: {'deleted' if account.delete(name) else 'was not there'}"
    yield from _versions(sagemaker, project.model_package_group)
    yield from account.subscribe(project.name, ())
    bucket = account.deployment.bucket
    if with_data:
        count = empty(account.stack.session.client("s3"), bucket, f"{project.prefix}/")
        yield f"{count} objects under s3://{bucket}/{project.prefix}/: deleted"
    else:
        yield f"left: data under s3://{bucket}/{project.prefix}/, the audit in the ledger"


def stack(account: Account, with_data: bool) -> Iterator[str]:
    """Delete every project, the stack and its deployment files; yield a line for each thing.

    Its bucket and table survive it by their DeletionPolicy; `with_data` deletes them, too.
    """
    for one in account.projects():
        yield from project(account, one, with_data)
    session, name = account.stack.session, account.stack.name
    bucket, table = account.deployment.bucket, account.stack.output("LedgerTableName")
    cloudformation, s3 = session.client("cloudformation"), session.client("s3")
    try:
        template = cloudformation.get_template(StackName=name, TemplateStage="Processed")
        buckets = _uploads(template["TemplateBody"], f"{name}/")
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 450}
        )
    except ClientError as error:
        raise from_aws(error, f"deleting the stack {name}") from error
    except WaiterError as error:
        raise PermanentError(f"the stack {name} was not deleted: {error}") from error
    yield f"stack {name}: deleted"
    for uploads in sorted(buckets):
        count = empty(s3, uploads, f"{name}/")
        yield f"{count} uploads of `sam deploy` under s3://{uploads}/{name}/: deleted"
    if not with_data:
        yield f"left: bucket {bucket} and table {table}; --with-data would have deleted them"
        return
    count = empty(s3, bucket, "")
    s3.delete_bucket(Bucket=bucket)
    yield f"bucket {bucket} with {count} objects: deleted"
    session.client("dynamodb").delete_table(TableName=table)
    yield f"table {table}: deleted"


def empty(s3: Any, bucket: str, prefix: str) -> int:
    """Delete every version of every object under a prefix; return how many there were."""
    count, versions = 0, DataBucket(s3, bucket).versions(prefix)
    while batch := list(islice(versions, _DELETED_AT_ONCE)):
        found = [{"Key": one.key, "VersionId": one.version_id} for one in batch]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
        if errors := answer.get("Errors"):
            raise PermanentError(
                f"s3://{bucket}/{errors[0]['Key']} was not deleted: {errors[0]['Message']}"
            )
        count += len(found)
    return count


def _stop(sagemaker: Any, runs: list[Execution]) -> None:
    """Stop all runs and wait until they end: a running pipeline cannot be deleted."""
    deadline = time.monotonic() + STOPPED_SECONDS
    for run in runs:
        if run.status == "Executing":
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=run.arn)
    for run in runs:
        now: Execution | None = run
        while now is not None and now.status in _GOING_ON:
            if time.monotonic() > deadline:
                raise PermanentError(f"{run.arn} has not stopped yet; try again once it has")
            now = SageMaker(sagemaker).describe(run.arn)
            if now is not None and now.status in _GOING_ON:
                time.sleep(_POLL_SECONDS)


def _models(sagemaker: Any, run: str) -> Iterator[str]:
    """Yield the names of the models that a run created and that still exist."""
    for step in SageMaker(sagemaker).steps(run):
        if arn := step.metadata.get("Model", {}).get("Arn"):
            name = arn.rpartition("/")[2]
            try:
                sagemaker.describe_model(ModelName=name)
            except ClientError as error:
                if not _is_gone(error):
                    raise from_aws(error, f"looking up the model {name}") from error
            else:
                yield name


def _versions(sagemaker: Any, group: str) -> Iterator[str]:
    try:
        arns = list(SageMaker(sagemaker).versions(group))
        for arn in arns:
            sagemaker.delete_model_package(ModelPackageName=arn)
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    except ClientError as error:
        if not _is_gone(error):
            raise from_aws(error, f"deleting the versions of {group}") from error
        yield f"model package group {group}: was not there"  # or belongs to another account
    else:
        yield f"model package group {group} with {len(arns)} versions: deleted"


def _uploads(template: Any, folder: str) -> set[str]:
    """Return the buckets that hold the template's code under this folder, the stack's own."""
    found: set[str] = set()
    if isinstance(template, dict):
        bucket = template.get("S3Bucket") or template.get("Bucket")
        key = template.get("S3Key") or template.get("Key")
        if isinstance(bucket, str) and isinstance(key, str) and key.startswith(folder):
            found.add(bucket)
        for value in template.values():
            found |= _uploads(value, folder)
    elif isinstance(template, list):
        for value in template:
            found |= _uploads(value, folder)
    return found


def _is_gone(error: ClientError) -> bool:
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return any(phrase in text for phrase in _GONE)
