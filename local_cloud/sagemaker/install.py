"""Adds SageMaker to MiniStack: routes, IAM, Step Functions and CloudFormation.

MiniStack has no interface for new services; these are its inner tables, the same in every
release we pin. `tests/sagemaker_api/test_seams.py` fails when one moves.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

from local_cloud.sagemaker import cloudformation
from local_cloud.sagemaker.core import authorization, backplane, tokens
from local_cloud.sagemaker.core.open_facts import VARIABLE, OpenFacts
from local_cloud.sagemaker.host import PipelineEngine
from local_cloud.sagemaker.service import Service

NAME = "sagemaker"
# The SDK for Java, whose names Step Functions uses, adds "Exception" to these.
SDK_ERRORS = {
    "ResourceNotFound": "ResourceNotFoundException",
    "ResourceInUse": "ResourceInUseException",
    "ResourceLimitExceeded": "ResourceLimitExceededException",
    "ValidationException": "SageMakerException",
    "AccessDeniedException": "SageMakerException",
}


def install(
    state_dir: Path,
    work_dir: Path,
    jobs_python: Path,
    endpoint_url: str,
    *,
    engine: PipelineEngine | None = None,
    token_window: timedelta = tokens.WINDOW,
) -> Service:
    """Create the service and route SageMaker's requests to it, before MiniStack starts.

    `state_dir` is where `save` and `load` keep the state, `work_dir` and `jobs_python` are the
    engine's; tests pass an `engine`. The environment sets open facts.
    """
    service = Service(
        state_dir,
        work_dir,
        jobs_python,
        endpoint_url,
        engine=engine,
        token_window=token_window,
        facts=OpenFacts.parse(os.environ.get(VARIABLE, "")),
    )
    app.SERVICE_HANDLERS[NAME] = service.handle
    router.SERVICE_PATTERNS[NAME] = {
        "target_prefixes": ["SageMaker."],
        "host_patterns": [r"api\.sagemaker\."],
    }
    stepfunctions._AWS_SDK_SERVICE_MAP[NAME] = {"target_prefix": "SageMaker", "protocol": "json"}
    stepfunctions._AWS_SDK_ERROR_PREFIX[NAME] = "SageMaker"
    stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES[NAME] = SDK_ERRORS
    provisioners._RESOURCE_HANDLERS.update(cloudformation.handlers(service))
    provisioners._STACK_TAG_PROPERTY.update(cloudformation.TAG_PROPERTY)
    for kind, (name, properties) in cloudformation.REPLACING.items():
        provisioners._CUSTOM_NAME_REPLACEMENT[kind] = {
            "name": name,
            "requires_replacement": _changed(properties),
        }
    _teach_iam(service)
    return service


def _changed(properties: tuple[str, ...]) -> Any:
    def requires_replacement(old: dict[str, Any], new: dict[str, Any]) -> bool:
        return any(old.get(name) != new.get(name) for name in properties)

    return requires_replacement


def _teach_iam(sagemaker: Service) -> None:
    """Add SageMaker's actions, resources, condition keys and tags to IAM's evaluation."""
    if NAME in iam_actions.SERVICE_TO_IAM_NAMESPACE:
        return
    iam_actions.SERVICE_TO_IAM_NAMESPACE[NAME] = NAME
    other_resource, other_tags = iam_actions.extract_resource_arn, iam_actions.request_tag_context

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        if service != NAME:
            return str(
                other_resource(
                    service, method, path, headers, body, query_params, region, account_id
                )
            )
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        return authorization.resource_arn(operation, body, region, account_id)

    def request_tag_context(
        service: str, iam_action: str, body: bytes, params: dict[str, Any]
    ) -> dict[str, Any]:
        context: dict[str, Any] = other_tags(service, iam_action, body, params)
        if service != NAME:
            return context
        operation = iam_action.rpartition(":")[2]
        account_id, region = backplane.here()
        arn = authorization.resource_arn(operation, body, region, account_id)
        tags = {f"aws:ResourceTag/{key}": value for key, value in sagemaker.tags_of(arn).items()}
        return context | tags | authorization.condition_keys(operation, body)

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.request_tag_context = request_tag_context
