"""The SageMaker SDK, with the manners this project needs from it.

Importing it takes seconds, so only the builders import this module, and only when they build.
The SDK would look at the user's configuration files, report usage, call IAM about roles, and put
names with the time in them into definitions; none of that happens here. Building calls no service.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow import steps

_SDK_SETTINGS = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
_NOTICE = "Running within a PipelineSession, there will be No Wait"


@contextmanager
def building() -> Iterator[None]:
    """Let the SDK build in silence and in a tenth of the time.

    It would say at every step how a pipeline is built (what goes wrong is an exception), and look
    roles up in IAM. It would also check its own settings against their JSON schema more than a
    hundred times, which is nearly all the time it takes (they are the constant above), and make a
    client with a session of its own for every processing step, only to read a method's name.
    """
    names = ("sagemaker", "sagemaker.config", "botocore")
    levels = {logging.getLogger(name): logging.ERROR for name in names}
    before = {logger: logger.level for logger in levels}
    validate, local_client = SageMakerConfig.validate_sagemaker_config, steps.LocalSagemakerClient
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
    try:
        SageMakerConfig.validate_sagemaker_config = staticmethod(lambda _: None)
        steps.LocalSagemakerClient = lambda: local_client
        for logger, level in levels.items():
            logger.setLevel(level)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_NOTICE, category=UserWarning)
            yield
    finally:
        SageMakerConfig.validate_sagemaker_config = staticmethod(validate)
        steps.LocalSagemakerClient = local_client
        for logger, level in before.items():
            logger.setLevel(level)


class _Session(PipelineSession):  # type: ignore[misc] # the SDK has no types
    """A session that takes the bucket's existence on trust: building calls no service."""

    def default_bucket(self) -> Any:
        return self._default_bucket_name_override


@cache
def session(bucket: str, region: str) -> PipelineSession:
    """Return the session that all builders for a bucket share: making one takes half a second."""
    return _Session(
        boto_session=boto3.Session(region_name=region),
        default_bucket=bucket,
        sagemaker_config=_SDK_SETTINGS,
    )
