"""Step Functions: tasks call AWS as the state machine's role; a name starts only once.

MiniStack calls its services in process, so that no policy is consulted, `sns:publish` loses its
attributes and services outside its list do not exist. Here a task is an ordinary signed request
of the role: every service exists, and IAM is enforced. Errors have the names that the
AWS SDK for Java gives them, as on AWS: `SageMaker.ConflictException`, `Lambda.…`, and for an error
that the service does not model (AccessDenied, throttling) `SageMaker.SageMakerException`.
"""

from __future__ import annotations

import contextvars
import json
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services import stepfunctions

from local_cloud.ministack import roles, seams

_role: contextvars.ContextVar[str] = contextvars.ContextVar("role of the running state machine")

# Optimised integrations whose request is the API's own: `arn:aws:states:::sns:publish`.
OPTIMISED = {
    "lambda": ("Lambda", "AWSLambdaException"),
    "sns": ("SNS", "AmazonSNSException"),
    "sqs": ("SQS", "AmazonSQSException"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
}
SDK_PREFIXES = {"sagemaker": "SageMaker", **stepfunctions._AWS_SDK_ERROR_PREFIX}
BOTO_NAMES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
# Members that Step Functions takes as JSON and the API as text.
TEXT_MEMBERS = {"lambda": "Payload", "sqs": "MessageBody", "sns": "Message"}


def _plain(value: Any) -> Any:
    """JSONata's numbers are floats; the APIs' are integers where they are whole."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json(value: Any) -> Any:
    """A boto3 answer as Step Functions returns it."""
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if hasattr(value, "read"):
        value = value.read()
    return value.decode() if isinstance(value, bytes) else value


def _method(client: Any, action: str) -> Any:
    """The client's method for `startPipelineExecution`, with the operation's model."""
    wanted = action[:1].upper() + action[1:]
    mapping = client.meta.method_to_api_mapping
    for method, operation in mapping.items():
        if operation == wanted:
            return getattr(client, method), client.meta.service_model.operation_model(operation)
    raise stepfunctions._ExecutionError(
        "States.Runtime", f"{client.meta.service_model.service_name} has no action {action}"
    )


def error_name(error: ClientError, prefix: str, unmodelled: str, operation: Any) -> str:
    """The name of an API's error in Step Functions: service and exception class of the SDK."""
    code = str(error.response["Error"].get("Code", "")).rsplit("#", 1)[-1].rsplit(".", 1)[-1]
    for shape in operation.error_shapes:
        if code in (shape.name, shape.metadata.get("error", {}).get("code")):
            name = shape.name
            return f"{prefix}.{name if name.endswith('Exception') else name + 'Exception'}"
    return f"{prefix}.{unmodelled}"


def call(service: str, action: str, arguments: Any, optimised: bool) -> Any:
    """One request of the state machine's role."""
    role = _role.get()
    client = roles.client(BOTO_NAMES.get(service, service), role, "StepFunctions")
    method, operation = _method(client, action)
    if optimised:
        prefix, unmodelled = OPTIMISED[service]
    else:
        prefix = SDK_PREFIXES.get(service, service.capitalize())
        unmodelled = f"{prefix}Exception"
    request = dict(arguments or {})
    text = TEXT_MEMBERS.get(service)
    if optimised and text in request and not isinstance(request[text], str):
        request[text] = json.dumps(request[text])
    elif service == "lambda" and isinstance(request.get("Payload"), str) and optimised:
        request["Payload"] = json.dumps(request["Payload"])
    request = stepfunctions._sdk_json_params(
        {}, client.meta.service_model.service_name, operation.name, _plain(request)
    )
    try:
        answer = method(**request)
    except ParamValidationError as error:
        raise stepfunctions._ExecutionError("States.Runtime", str(error)) from error
    except ClientError as error:
        name = error_name(error, prefix, unmodelled, operation)
        details = error.response["Error"]
        cause = f"{details.get('Message', '')} ({details.get('Code', '')})"
        raise stepfunctions._ExecutionError(name, cause) from error
    except BotoCoreError as error:
        raise stepfunctions._ExecutionError(f"{prefix}.SdkClientException", str(error)) from error
    result = stepfunctions._sdk_json_result(
        client.meta.service_model.service_name, operation.name, _json(answer)
    )
    return _lambda_result(result) if service == "lambda" and action == "invoke" else result


def _lambda_result(result: dict[str, Any]) -> dict[str, Any]:
    """The function's answer as JSON; its exception becomes the task's error by its own name."""
    text = result.get("Payload") or "null"
    payload = json.loads(text)
    if result.get("FunctionError"):
        raise stepfunctions._ExecutionError(payload.get("errorType", "Lambda.Unknown"), text)
    return {**result, "Payload": payload}


def invoke_resource(original: Any, resource: str, arguments: Any) -> Any:
    """Route a task's resource: over HTTP as the role where possible, else as MiniStack does."""
    parts = resource.split(":")
    token_or_sync = "." in parts[-1]
    if _role.get("") and not token_or_sync and resource.startswith("arn:aws:states:::"):
        if parts[5] == "aws-sdk":
            return call(parts[6].lower(), parts[7], arguments, optimised=False)
        if parts[5] in OPTIMISED:
            return call(parts[5], parts[6], arguments, optimised=True)
    return original(resource, arguments)


def running_with_the_same_input(data: dict[str, Any]) -> dict[str, Any] | None:
    """The execution that StartExecution must return instead of an error, if there is one."""
    machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if machine is None or not data.get("name"):
        return None
    name = machine.rsplit(":", 1)[-1]
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{name}:{data['name']}"
    found: dict[str, Any] | None = stepfunctions._executions.get(arn)
    if found and found["status"] == "RUNNING" and found["input"] == data.get("input", "{}"):
        return found
    return None


def install() -> None:
    """Let tasks make requests as the role; make StartExecution idempotent while the first runs."""

    def start(data: dict[str, Any]) -> Any:
        if found := running_with_the_same_input(data):
            answer = {"executionArn": found["executionArn"], "startDate": found["startDate"]}
            return json_response(answer)
        return start_execution(data)

    def task(state_def: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
        machine = stepfunctions._state_machines.get((execution or {}).get("stateMachineArn", ""))
        token = _role.set((machine or {}).get("roleArn", ""))
        try:
            return execute_task(state_def, raw_input, execution, ctx)
        finally:
            _role.reset(token)

    def call_resource(resource: str, input_data: Any) -> Any:
        return invoke_resource(invoke, resource, input_data)

    start_execution = seams.replace(stepfunctions, "_start_execution", "data", start)
    execute_task = seams.replace(
        stepfunctions, "_execute_task", "state_def raw_input execution ctx", task
    )
    invoke = seams.replace(stepfunctions, "_invoke_resource", "resource input_data", call_resource)
