"""SageMaker: what executions of pipelines say. They start no job and cost nothing."""

from __future__ import annotations

import json

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact, identity_in
from tests.conformance.facts.steps import condition, definition, fail

SDK = "https://github.com/aws/sagemaker-python-sdk/blob/master/tests/integ/sagemaker/workflow"
API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"
MESSAGE = "stopped on purpose"
MADE = "a pipeline with one run, a role"


def _failed(account: Account) -> str:
    def run() -> str:
        stop = fail("Stop", MESSAGE)
        return account.run(account.pipeline("fails", definition(condition("Check", True, stop))))

    return account.once("failed", run)


@fact("A Fail step's message is its failure reason", f"{SDK}/test_fail_steps.py", MESSAGE,
      creates=MADE, minutes=0.5)  # fmt: skip
def reason_of_a_fail_step(account: Account) -> str:
    return str(account.steps(_failed(account))["Stop"].get("FailureReason"))


@fact("A Fail step with an empty message has no failure reason", f"{SDK}/test_fail_steps.py",
      "None", creates=MADE, minutes=0.5)  # fmt: skip
def reason_of_an_empty_fail_step(account: Account) -> str:
    run = account.run(account.pipeline("empty", definition(fail("Stop", ""))))
    return str(account.steps(run)["Stop"].get("FailureReason"))


@fact("A condition's outcome is spelt True or False in a step's metadata",
      f"{SDK}/test_condition_steps.py", "True", creates=MADE, minutes=0.5)  # fmt: skip
def outcome_of_a_condition(account: Account) -> str:
    return str(account.steps(_failed(account))["Check"]["Metadata"]["Condition"]["Outcome"])


@fact("A failed execution names no step in its reason", "reported by users; no document says so",
      "Step failure: One or multiple steps failed.", creates=MADE, minutes=0.5)  # fmt: skip
def reason_of_an_execution(account: Account) -> str:
    sagemaker = account.client("sagemaker")
    asked = sagemaker.describe_pipeline_execution(PipelineExecutionArn=_failed(account))
    return str(asked.get("FailureReason"))


@fact(
    "Whether an execution says which IAM identity started it is not documented",
    f"{API}/API_UserContext.html",
    "iam-identity",
    "empty",
    "absent",
    switch="execution_identity",
    creates=MADE,
    minutes=0.5,
)
def identity_of_who_started_an_execution(account: Account) -> str:
    sagemaker = account.client("sagemaker")
    asked = sagemaker.describe_pipeline_execution(PipelineExecutionArn=_failed(account))
    return identity_in(asked, "CreatedBy")


@fact("A start with a token that was used answers with the first execution",
      f"{API}/API_StartPipelineExecution.html", "the same", creates=MADE,
      minutes=0.5)  # fmt: skip
def start_with_a_used_token(account: Account) -> str:
    _failed(account)
    start = {"PipelineName": account.name("fails"), "ClientRequestToken": "conformance-" * 3}
    sagemaker = account.client("sagemaker")
    arns = {sagemaker.start_pipeline_execution(**start)["PipelineExecutionArn"] for _ in "12"}
    return "the same" if len(arns) == 1 else "another"


@fact("Deleting a pipeline deletes its executions", f"{API}/API_DeletePipeline.html",
      "refused: ResourceNotFound", creates=MADE, minutes=1)  # fmt: skip
def execution_of_a_deleted_pipeline(account: Account) -> str:
    sagemaker = account.client("sagemaker")
    name = account.pipeline("deleted", definition(fail("Stop")))
    run = account.run(name)
    sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken=(name * 2)[:128])

    def asked() -> str | None:
        found = answer(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=run))
        return None if found == "accepted" else found

    try:
        return account.wait("its end", asked, 60)
    except TimeoutError:
        return "still there"


@fact("Two executions of a pipeline may have the same display name",
      f"{API}/API_StartPipelineExecution.html", "accepted, accepted", creates=MADE,
      minutes=0.5)  # fmt: skip
def display_name_that_was_used(account: Account) -> str:
    _failed(account)
    sagemaker, start = account.client("sagemaker"), _named(account, "twice")
    found = [answer(lambda: sagemaker.start_pipeline_execution(**start)) for _ in "12"]
    return ", ".join(found)


@fact("Executions are listed with their display names, the newest first unless asked otherwise",
      f"{API}/API_ListPipelineExecutions.html", "second, first; first, second", creates=MADE,
      minutes=0.5)  # fmt: skip
def order_of_executions(account: Account) -> str:
    _failed(account)
    sagemaker = account.client("sagemaker")
    for name in ("first", "second"):
        sagemaker.start_pipeline_execution(**_named(account, name))

    def listed(**order: str) -> str:
        asked = sagemaker.list_pipeline_executions(
            PipelineName=account.name("fails"), SortBy="CreationTime", **order
        )["PipelineExecutionSummaries"]
        names = [found.get("PipelineExecutionDisplayName") for found in asked]
        return ", ".join(name for name in names if name in ("first", "second"))

    return f"{listed()}; {listed(SortOrder='Ascending')}"


def _named(account: Account, name: str) -> dict[str, str]:
    return {"PipelineName": account.name("fails"), "PipelineExecutionDisplayName": name}


@fact("A pipeline may be updated after a start; the execution keeps the definition it started with",
      f"{API}/API_UpdatePipeline.html", "accepted, before", creates=MADE, minutes=0.5)  # fmt: skip
def update_of_a_pipeline_that_runs(account: Account) -> str:
    sagemaker = account.client("sagemaker")
    name = account.pipeline("updated", definition(fail("Stop", "before")))
    run = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    after = json.dumps(definition(fail("Stop", "after")))
    found = answer(lambda: sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=after))
    kept = json.loads(
        sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=run)[
            "PipelineDefinition"
        ]
    )
    return f"{found}, {kept['Steps'][0]['Arguments']['ErrorMessage']}"
