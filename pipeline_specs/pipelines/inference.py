"""The batch-inference pipeline: scores input with exactly one registered model version.

CreateModel and Preprocess → Predict → JoinPredictions, DataQualityCheck beside them, and
ModelQuality if there is ground truth. The version's artefact, image, preprocessor and baseline
are written into the definition; nothing is looked up when the pipeline runs.
"""

import logging
import tempfile

from headrace.domain.model_version import PACKAGE_VARIABLE, PIPELINE_TAG
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.steps import TransformStep
from sagemaker.serve.model_builder import ModelBuilder

from pipeline_specs.config.settings import Settings
from pipeline_specs.pipelines import data_quality, model_quality, sdk
from pipeline_specs.pipelines.builder import STEPS, Builder, Input, Output, Step, inside, output_uri
from pipeline_specs.pipelines.built import BuiltPipeline, Deployment
from pipeline_specs.pipelines.model_version import ModelPackage

_PREPROCESSOR = inside("input", "preprocessor", "preprocessor.json")


def build(settings: Settings, deployment: Deployment, package: ModelPackage) -> BuiltPipeline:
    """Return the inference pipeline of a registered version, without calling a service."""
    with sdk.building():
        return _build(settings, deployment, package)


def _build(settings: Settings, deployment: Deployment, package: ModelPackage) -> BuiltPipeline:
    builder = Builder(settings, deployment)
    parameters = _Parameters(builder)
    suffix = ("--suffix", settings.project.suffix)
    data = Input(parameters.data, parameters.data_type)
    layout = (
        *("--data-type", parameters.data_type),
        *("--key-prefix", settings.project.folder("scoring")),
    )
    preprocessor = Input(package.preprocessor)
    model = _model(builder, package)
    preprocess = builder.script(
        "Preprocess",
        STEPS / "preprocess.py",
        inputs={"data": data, "preprocessor": preprocessor},
        outputs={
            "features": Output("features", folder="features"),
            "monitored": Output("monitored", folder="monitored"),
        },
        arguments=[
            "transform",
            *("--data", inside("input", "data")),
            *layout,
            *("--preprocessor", _PREPROCESSOR),
            *suffix,
            *("--output", inside("output")),
        ],
    )
    predict = _predict(builder, model, preprocess)
    join = builder.script(
        "JoinPredictions",
        STEPS / "join_predictions.py",
        inputs={
            "data": data,
            "scores": Input(predict.properties.TransformOutput.S3OutputPath),
            "preprocessor": preprocessor,
        },
        outputs={"predictions": Output("predictions", folder="predictions")},
        arguments=[
            *("--data", inside("input", "data")),
            *layout,
            *("--scores", inside("input", "scores")),
            *("--preprocessor", _PREPROCESSOR),
            *suffix,
            *("--output", inside("output")),
        ],
    )
    check = data_quality.check_step(
        builder,
        "DataQualityCheck",
        output_uri(preprocess, "monitored"),
        data_quality.Baseline(package.baseline_statistics, package.baseline_constraints),
    )
    # SageMaker fails a job whose input is an empty folder, so only this step reads ground truth.
    available = ConditionStep(
        name="GroundTruthAvailable",
        conditions=[ConditionEquals(left=parameters.ground_truth_available, right="true")],
        if_steps=[
            model_quality.step(
                builder,
                predictions=Input(output_uri(join, "predictions")),
                ground_truth=Input(parameters.ground_truth, parameters.ground_truth_type),
                preprocessor=preprocessor,
                threshold=parameters.threshold,
            )
        ],
        else_steps=[],
        depends_on=[join],
    )
    return builder.finish(
        name=settings.project.pipelines.inference,
        description=f"Scores batches of {settings.project.name} with {package.arn}",
        parameters=parameters.all,
        steps=[model, preprocess, predict, join, check, available],
    )


class _Parameters:
    def __init__(self, builder: Builder) -> None:
        def text(name: str, default: str) -> ParameterString:
            return ParameterString(name=name, default_value=default)

        self.data = text("InputData", builder.folder_uri("scoring"))
        self.data_type = text("InputDataType", "S3Prefix")
        self.ground_truth = text("GroundTruth", builder.folder_uri("ground-truth"))
        self.ground_truth_type = text("GroundTruthType", "S3Prefix")
        self.ground_truth_available = text("GroundTruthAvailable", "false")
        self.threshold = ParameterFloat(
            name="MetricThreshold", default_value=builder.settings.project.threshold
        )
        self.all = [
            *(self.data, self.data_type, self.ground_truth, self.ground_truth_type),
            *(self.ground_truth_available, self.threshold),
        ]


def _model(builder: Builder, package: ModelPackage) -> Step:
    # The SDK creates this folder for files that a registered model does not need; by default it is
    # below /tmp and belongs to its first user.
    with tempfile.TemporaryDirectory() as scratch:
        model_builder = ModelBuilder(
            image_uri=package.image,
            s3_model_data_url=package.model_data,
            env_vars={**dict(package.environment), PACKAGE_VARIABLE: package.arn},
            network=builder.model_network(),
            role_arn=builder.role,
            sagemaker_session=builder.session,
            dependencies=None,
            log_level=logging.WARNING,
            model_path=scratch,
        )
        step_args = model_builder.build()
    # The SDK uses tags only when it deploys.
    own = {"Key": PIPELINE_TAG, "Value": builder.settings.project.pipelines.inference}
    step_args.create_model_request["Tags"] = [*builder.tags, own]
    return ModelStep(
        name="CreateModel",
        step_args=step_args,
        retry_policies=builder.service_retries(),
    )


def _predict(builder: Builder, model: Step, preprocess: Step) -> Step:
    machines, key = builder.settings.inference, builder.settings.kms_key
    transformer = Transformer(
        model_name=model.properties.ModelName,
        instance_type=machines.instance_type,
        instance_count=machines.instance_count,
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=builder.run_uri("scores"),
        output_kms_key=key,
        volume_kms_key=key,
        tags=builder.tags or None,
        sagemaker_session=builder.session,
    )
    step_args = transformer.transform(
        data=output_uri(preprocess, "features"), content_type="text/csv", split_type="Line"
    )
    return TransformStep(name="Predict", step_args=step_args, retry_policies=builder.job_retries())
