"""The training pipelines: with fixed hyperparameters, and with a search for better ones.

Preprocess → DataQualityBaseline and Train (or Tune) → Evaluate → CheckMetric → RegisterModel, or
MetricMissed. One builder makes both; they differ in one step and in the kind they register.
"""

import json
import logging
from typing import Literal

from sagemaker.core.drift_check_baselines import DriftCheckBaselines
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.training.configs import (
    Compute,
    InputData,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.core.workflow.conditions import (
    ConditionGreaterThanOrEqualTo,
    ConditionLessThanOrEqualTo,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.steps import TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer

from pipeline_specs.algorithms import ALGORITHM
from pipeline_specs.algorithms.algorithm import Algorithm
from pipeline_specs.config.settings import Settings
from pipeline_specs.pipelines import data_quality, sdk, tuning
from pipeline_specs.pipelines.builder import (
    STEPS,
    Builder,
    Input,
    Output,
    Step,
    Variable,
    beneath,
    inside,
    output_uri,
)
from pipeline_specs.pipelines.built import BuiltPipeline, Deployment
from pipeline_specs.pipelines.bundles import Bundle

Kind = Literal["training", "training-hpo"]
_PARTS = ("train", "validation", "test", "baseline")
_JSON = "application/json"


def build(
    settings: Settings, deployment: Deployment, kind: Kind, algorithm: Algorithm = ALGORITHM
) -> BuiltPipeline:
    """Return the training pipeline of a kind, without calling a service."""
    with sdk.building():
        return _build(settings, deployment, kind, algorithm)


def _build(
    settings: Settings, deployment: Deployment, kind: Kind, algorithm: Algorithm
) -> BuiltPipeline:
    builder = Builder(settings, deployment, cached=True)
    parameters = _Parameters(builder)
    preprocess = _preprocess(builder, parameters)
    baseline_step, baseline = data_quality.baseline_step(
        builder,
        "DataQualityBaseline",
        output_uri(preprocess, "baseline"),
        output_uri(preprocess, "preprocessor"),
    )
    trainer, channels = _trainer(builder, algorithm, preprocess)
    train, model = (
        tuning.tune_step(builder, algorithm, trainer, channels)
        if kind == "training-hpo"
        else _train_step(builder, trainer)
    )
    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = builder.script(
        "Evaluate",
        STEPS / algorithm.evaluate,
        image=algorithm.image,
        inputs={"model": Input(model), "test": Input(output_uri(preprocess, "test"))},
        outputs={"evaluation": Output("evaluation", folder="evaluation")},
        arguments=[
            *("--model", inside("input", "model", "model.tar.gz")),
            *("--test", inside("input", "test")),
            *("--metric", settings.metric.name),
            *("--threshold", parameters.threshold.to_string()),
            *("--output", inside("output", "evaluation")),
        ],
        property_files=[report],
    )
    value = JsonGet(step_name="Evaluate", property_file=report, json_path=settings.metric.path)
    register = _register(
        builder, algorithm, parameters, kind, preprocess, evaluate, model, baseline
    )
    check = ConditionStep(
        name="CheckMetric",
        conditions=[
            (
                ConditionLessThanOrEqualTo
                if settings.metric.lower_is_better
                else ConditionGreaterThanOrEqualTo
            )(left=value, right=parameters.threshold)
        ],
        if_steps=[register],
        else_steps=[_metric_missed(settings, value, parameters.threshold)],
        depends_on=[baseline_step],
    )
    names = settings.project.pipelines
    return builder.finish(
        name=names.training_hpo if kind == "training-hpo" else names.training,
        description=f"Trains {settings.project.name}"
        + (" with a search for hyperparameters" if kind == "training-hpo" else ""),
        parameters=parameters.all,
        steps=[preprocess, baseline_step, train, evaluate, check],
    )


class _Parameters:
    def __init__(self, builder: Builder) -> None:
        self.data = ParameterString(name="InputData", default_value=builder.folder_uri("training"))
        self.data_type = ParameterString(name="InputDataType", default_value="S3Prefix")
        self.approval = ParameterString(
            name="ModelApprovalStatus", default_value="PendingManualApproval"
        )
        self.threshold = ParameterFloat(
            name="MetricThreshold", default_value=builder.settings.project.threshold
        )
        self.all = [self.data, self.data_type, self.approval, self.threshold]


def _preprocess(builder: Builder, parameters: _Parameters) -> Step:
    data = builder.settings.data
    columns = [{"name": column.name, "type": column.type} for column in data.columns]
    # A file, since a container's argument may have at most 256 characters.
    bundle = Bundle.of({"columns.json": json.dumps(columns).encode()})
    return builder.script(
        "Preprocess",
        STEPS / "preprocess.py",
        inputs={
            "data": Input(parameters.data, parameters.data_type),
            "columns": Input(builder.bundle_uri(bundle)),
        },
        outputs={
            **{part: Output(f"preprocessed/{part}", folder=part) for part in _PARTS},
            "preprocessor": Output("preprocessor", folder="preprocessor"),
        },
        arguments=[
            "fit",
            *("--data", inside("input", "data")),
            *("--columns", inside("input", "columns", "columns.json")),
            *("--target", data.target),
            *(["--header"] if data.header else []),
            *("--suffix", builder.settings.project.suffix),
            *("--output", inside("output")),
        ],
    )


def _trainer(
    builder: Builder, algorithm: Algorithm, preprocess: Step
) -> tuple[ModelTrainer, list[InputData]]:
    settings, machines = builder.settings, builder.settings.training
    channels = [
        InputData(
            channel_name=part,
            data_source=output_uri(preprocess, part),
            content_type=algorithm.content_type,
        )
        for part in algorithm.channels
    ]
    optional = {"kms_key_id": settings.kms_key} if settings.kms_key else {}
    volume_key = {"volume_kms_key_id": settings.kms_key} if settings.kms_key else {}
    trainer = ModelTrainer(
        training_image=builder.image(algorithm.image),
        role=builder.role,
        base_job_name=settings.project.name,
        hyperparameters=dict(settings.hyperparameters),
        compute=Compute(
            instance_type=machines.instance_type,
            instance_count=machines.instance_count,
            volume_size_in_gb=machines.volume_gb,
            **volume_key,
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=machines.max_runtime_seconds),
        output_data_config=OutputDataConfig(s3_output_path=builder.run_uri("models"), **optional),
        networking=builder.model_network(),
        tags=[{"key": tag["Key"], "value": tag["Value"]} for tag in builder.tags] or None,
        input_data_config=channels,
        sagemaker_session=builder.session,
    )
    return trainer, channels


def _train_step(builder: Builder, trainer: ModelTrainer) -> tuple[Step, Variable]:
    step = TrainingStep(
        name="Train",
        step_args=trainer.train(),
        cache_config=builder.cache,
        retry_policies=builder.job_retries(),
    )
    return step, step.properties.ModelArtifacts.S3ModelArtifacts


def _metric_missed(settings: Settings, value: Variable, threshold: ParameterFloat) -> Step:
    bound = "at most" if settings.metric.lower_is_better else "at least"
    message = Join(
        on=" ",
        values=[f"{settings.metric.name} is", value, "but should be", bound, threshold.to_string()],
    )
    return FailStep(name="MetricMissed", error_message=message)


def _register(
    builder: Builder,
    algorithm: Algorithm,
    parameters: _Parameters,
    kind: Kind,
    preprocess: Step,
    evaluate: Step,
    model: Variable,
    baseline: data_quality.Baseline,
) -> Step:
    """Return the step that registers the model, with everything that scoring needs."""
    settings = builder.settings
    statistics = MetricsSource(s3_uri=baseline.statistics, content_type=_JSON)
    constraints = MetricsSource(s3_uri=baseline.constraints, content_type=_JSON)
    report = beneath(output_uri(evaluate, "evaluation"), "evaluation.json")
    model_builder = ModelBuilder(
        image_uri=builder.image(algorithm.image),
        s3_model_data_url=model,
        role_arn=builder.role,
        sagemaker_session=builder.session,
        dependencies=None,  # otherwise it sets environment variables for inference code
        log_level=logging.WARNING,
    )
    step_args = model_builder.register(
        model_package_group_name=settings.project.model_package_group,
        content_types=[algorithm.content_type],
        response_types=[algorithm.content_type],
        inference_instances=[settings.inference.instance_type],
        transform_instances=[settings.inference.instance_type],
        approval_status=parameters.approval,
        model_metrics=ModelMetrics(
            model_statistics=MetricsSource(s3_uri=report, content_type=_JSON),
            model_data_statistics=statistics,
            model_data_constraints=constraints,
        ),
        drift_check_baselines=DriftCheckBaselines(
            model_data_statistics=statistics, model_data_constraints=constraints
        ),
        customer_metadata_properties={
            "kind": kind,
            "run": ExecutionVariables.PIPELINE_EXECUTION_ARN,
            "preprocessor": beneath(output_uri(preprocess, "preprocessor"), "preprocessor.json"),
            "training_data": parameters.data,
            "training_data_type": parameters.data_type,
            "baseline_statistics": baseline.statistics,
            "baseline_constraints": baseline.constraints,
            "metric": settings.metric.name,
            "threshold": parameters.threshold.to_string(),
        },
    )
    return ModelStep(
        name="RegisterModel", step_args=step_args, retry_policies=builder.service_retries()
    )
