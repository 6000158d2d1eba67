"""The SageMaker SDK, without its side effects.

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
    """Make the SDK build silently and in a tenth of the time.

    Otherwise it logs at every step how a pipeline is built (errors are exceptions anyway), and
    looks up roles in IAM. It also validates its own settings (the constant above) against their
    JSON schema more than a hundred times, which is most of its time, and creates a client with a
    session of its own for every processing step, only to read a method's name.
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
    """A session that assumes that the bucket exists: building calls no service."""

    def default_bucket(self) -> Any:
        return self._default_bucket_name_override


@cache
def session(bucket: str, region: str) -> PipelineSession:
    """Return the session that a bucket's builders share: creating one takes half a second."""
    return _Session(
        boto_session=boto3.Session(region_name=region),
        default_bucket=bucket,
        sagemaker_config=_SDK_SETTINGS,
    )
