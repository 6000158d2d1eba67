"""Builds the steps that the pipelines share: our scripts in prebuilt images, on the run's own data.

Like everything that imports the SageMaker SDK, it takes seconds to import.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from headrace.domain.project import Folder
from sagemaker.core import image_uris
from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.training.configs import Networking
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep

from pipeline_specs import ROOT
from pipeline_specs.algorithms.algorithm import Image
from pipeline_specs.config.settings import Settings
from pipeline_specs.pipelines import bundles, sdk
from pipeline_specs.pipelines.built import SKLEARN, BuiltPipeline, Deployment

# The SDK's steps and variables are untyped.
Step = Any
Variable = Any

STEPS = ROOT / "pipeline_specs" / "steps"
_CONTAINER = "/opt/ml/processing"


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a processing job, at /opt/ml/processing/input/{name}."""

    uri: Variable
    data_type: Variable = "S3Prefix"


@dataclass(frozen=True, slots=True)
class Output:
    """An output, from /opt/ml/processing/output/{folder} to runs/{execution id}/{what}."""

    what: str
    folder: str | None = None
    upload_mode: str = "EndOfJob"


def inside(*parts: str) -> str:
    """Return the path of an input or output inside a processing container."""
    return "/".join((_CONTAINER, *parts))


def beneath(uri: Variable, name: str) -> Variable:
    """Return the URI of a file in a folder that is only known when the pipeline runs."""
    return Join(on="/", values=[uri, name])


def output_uri(step: Step, name: str) -> Variable:
    """Return the URI of a step's output; a step that uses it depends on the step."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


class Builder:
    """Builds the steps of one pipeline and collects the code they need."""

    def __init__(self, settings: Settings, deployment: Deployment, *, cached: bool = False) -> None:
        self.settings, self.deployment = settings, deployment
        self.role = settings.role_arn or deployment.role_arn
        self.session = sdk.session(deployment.bucket, deployment.region)
        self.tags = [{"Key": key, "Value": value} for key, value in settings.tags]
        self.cache = (
            CacheConfig(enable_caching=True, expire_after=settings.cache_expire_after)
            if cached and settings.cache_expire_after
            else None
        )
        self._bundles: dict[str, bundles.Bundle] = {}

    def base_uri(self, *parts: str) -> str:
        """Return a URI in the project's folder."""
        return "/".join((f"s3://{self.deployment.bucket}/{self.settings.project.prefix}", *parts))

    def folder_uri(self, folder: Folder) -> str:
        """Return the URI of a folder that people drop files into."""
        return f"s3://{self.deployment.bucket}/{self.settings.project.folder(folder)}"

    def run_uri(self, *parts: Variable) -> Variable:
        """Return a URI under the run's own folder; every output of a run lies there."""
        run = ExecutionVariables.PIPELINE_EXECUTION_ID
        return Join(on="/", values=[self.base_uri("runs"), run, *parts])

    def bundle_uri(self, bundle: bundles.Bundle) -> str:
        """Return where a bundle will be uploaded."""
        self._bundles[bundle.sha256] = bundle
        return f"s3://{self.deployment.bucket}/{bundle.folder(self.settings.project.prefix)}"

    def image(self, image: Image) -> str:
        """Return the URI of a prebuilt image in the region."""
        return _image_uri(image, self.deployment.region)

    def script(
        self,
        name: str,
        path: Path,
        *,
        image: Image = SKLEARN,
        inputs: Mapping[str, Input],
        outputs: Mapping[str, Output],
        arguments: Sequence[Variable] = (),
        environment: Mapping[str, str] | None = None,
        property_files: Sequence[Any] = (),
        cached: bool = True,
    ) -> Step:
        """Return a processing step that runs a script of ours in a prebuilt image."""
        settings, machines = self.settings, self.settings.processing
        all_inputs = {**inputs, "code": Input(self.bundle_uri(bundles.script(path)))}
        processor = Processor(
            role=self.role,
            image_uri=self.image(image),
            entrypoint=["python3", inside("input", "code", path.name)],
            instance_type=machines.instance_type,
            instance_count=machines.instance_count,
            volume_size_in_gb=machines.volume_gb,
            volume_kms_key=settings.kms_key,
            output_kms_key=settings.kms_key,
            max_runtime_in_seconds=machines.max_runtime_seconds,
            env=dict(environment) if environment else None,
            tags=self.tags or None,
            network_config=self.network(),
            sagemaker_session=self.session,
        )
        step_args = processor.run(
            inputs=[_processing_input(key, value) for key, value in all_inputs.items()],
            outputs=[self._processing_output(key, value) for key, value in outputs.items()],
            arguments=list(arguments) or None,
        )
        return ProcessingStep(
            name=name,
            step_args=step_args,
            property_files=list(property_files) or None,
            cache_config=self.cache if cached else None,
            retry_policies=self.job_retries(),
        )

    def _processing_output(self, name: str, output: Output) -> Any:
        local_path = inside("output", output.folder) if output.folder else inside("output")
        return ProcessingOutput(
            output_name=name,
            s3_output=ProcessingS3Output(
                s3_uri=self.run_uri(*output.what.split("/")),
                local_path=local_path,
                s3_upload_mode=output.upload_mode,
            ),
        )

    def network(self) -> NetworkConfig | None:
        """Return the network settings of processing jobs, None where nothing is set."""
        settings = self.settings
        if not (settings.subnets or settings.network_isolation):
            return None
        return NetworkConfig(
            enable_network_isolation=settings.network_isolation,
            subnets=list(settings.subnets) or None,
            security_group_ids=list(settings.security_groups) or None,
        )

    def model_network(self) -> Networking | None:
        """Return the same for training jobs and models."""
        settings = self.settings
        if not (settings.subnets or settings.network_isolation):
            return None
        return Networking(
            enable_network_isolation=settings.network_isolation,
            subnets=list(settings.subnets) or None,
            security_group_ids=list(settings.security_groups) or None,
        )

    def service_retries(self) -> list[Any] | None:
        """Return how a step is retried after a fault of SageMaker itself."""
        if not (retries := self.settings.retries):
            return None
        kinds = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
        return [
            StepRetryPolicy(
                exception_types=kinds,
                interval_seconds=retries.interval_seconds,
                backoff_rate=retries.backoff_rate,
                max_attempts=retries.max_attempts,
            )
        ]

    def job_retries(self) -> list[Any] | None:
        """Return the same for a step that is a job, which may also lack capacity or a quota.

        A quota is used up for minutes to days, until other jobs end or AWS raises it.
        """
        if not (retries := self.settings.retries):
            return None
        return [
            *(self.service_retries() or []),
            SageMakerJobStepRetryPolicy(
                exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
                interval_seconds=retries.interval_seconds,
                backoff_rate=retries.backoff_rate,
                max_attempts=retries.max_attempts,
            ),
            SageMakerJobStepRetryPolicy(
                exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT],
                interval_seconds=300,
                backoff_rate=1.2,
                expire_after_mins=24 * 60,
            ),
        ]

    def finish(
        self, name: str, description: str, parameters: Sequence[Any], steps: Sequence[Step]
    ) -> BuiltPipeline:
        """Return the pipeline; the same settings always give the same bytes of definition."""
        pipeline = Pipeline(
            name=name,
            parameters=list(parameters),
            steps=list(steps),
            sagemaker_session=self.session,
            pipeline_experiment_config=None,  # it would need permission to create experiments
        )
        # The SDK writes null for what is not set; whether SageMaker takes that is not documented.
        members = json.loads(pipeline.definition()).items()
        definition = {key: value for key, value in members if value is not None}
        return BuiltPipeline(
            name=name,
            description=description,
            definition=json.dumps(definition, sort_keys=True),
            role_arn=self.role,
            tags=tuple(self.settings.tags),
            max_parallel_steps=self.settings.max_parallel_steps,
            code=tuple(self._bundles[sha256] for sha256 in sorted(self._bundles)),
        )


@cache
def _image_uri(image: Image, region: str) -> str:
    """Return SageMaker's image for a region, the same for every instance type."""
    return str(
        image_uris.retrieve(
            framework=image.framework,
            region=region,
            version=image.version,
            py_version=image.python,
            instance_type="ml.m5.large",
        )
    )


def _processing_input(name: str, source: Input) -> Any:
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=source.uri,
            local_path=inside("input", name),
            s3_data_type=source.data_type,
            s3_input_mode="File",
        ),
    )
