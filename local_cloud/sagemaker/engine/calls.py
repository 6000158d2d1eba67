"""Steps that call something outside SageMaker, and those that are not supported here."""

from __future__ import annotations

import json
from typing import Any

from local_cloud.sagemaker.engine.context import StepContext, StepResult
from local_cloud.sagemaker.engine.errors import StepFailed


def run_lambda_step(step: StepContext) -> StepResult:
    """Invoke the function with the arguments; its answer's members are the output parameters."""
    run = step.execution
    session, _ = step.site.sessions.get(run.role_arn, run.pipeline_arn)
    client = session.client("lambda")
    arn = str(step.document["FunctionArn"])
    response = client.invoke(FunctionName=arn, Payload=json.dumps(step.arguments).encode())
    text = response["Payload"].read().decode("utf-8", "replace")
    if "FunctionError" in response:
        raise StepFailed(f"ClientError: Lambda function {arn} failed: {text[:1000]}")
    outputs = _outputs(step, arn, text)
    listed = [{"Name": name, "Value": str(value)} for name, value in outputs.items()]
    return StepResult(
        {"OutputParameters": outputs}, {"Lambda": {"Arn": arn, "OutputParameters": listed}}
    )


def refuse(step: StepContext) -> StepResult:
    """Callback, EMR, AutoML, ... steps."""
    raise StepFailed(
        f"ClientError: Steps of type {step.document['Type']} are not supported here "
        f"(step {step.name})"
    )


def _outputs(step: StepContext, arn: str, text: str) -> dict[str, Any]:
    names = [output["OutputName"] for output in step.document.get("OutputParameters") or []]
    if not names:
        return {}
    try:
        answer = json.loads(text)
        return {name: answer[name] for name in names}
    except (ValueError, KeyError, TypeError) as error:
        raise StepFailed(
            f"ClientError: The answer of {arn} must be a JSON object with {', '.join(names)}; "
            f"it is {text[:500]}"
        ) from error
