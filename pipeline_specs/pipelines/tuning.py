"""The step that searches for better hyperparameters, and the best model it finds."""

from typing import Any

from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.training.configs import InputData
from sagemaker.mlops.workflow.steps import TuningStep
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from pipeline_specs.algorithms.algorithm import Algorithm
from pipeline_specs.config.settings import Range, Settings
from pipeline_specs.pipelines.builder import Builder, Step, Variable


def tune_step(
    builder: Builder, algorithm: Algorithm, trainer: ModelTrainer, channels: list[InputData]
) -> tuple[Step, Variable]:
    """Return the step, and the URI of the best job's artefact."""
    tuning, objective = builder.settings.tuning, algorithm.objective(builder.settings.metric)
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name=objective.name,
        objective_type=objective.aim,
        hyperparameter_ranges={one.name: _range(one) for one in tuning.ranges},
        strategy=tuning.strategy,
        max_jobs=tuning.max_jobs,
        max_parallel_jobs=tuning.max_parallel_jobs,
        random_seed=tuning.random_seed,
        tags=builder.tags or None,
    )
    step = _TuningStep(
        name="Tune",
        step_args=tuner.tune(inputs=channels, wait=False),
        retry_policies=builder.job_retries(),
    )
    step.settings = builder.settings
    # Summaries are sorted, the best job first.
    best = step.properties.TrainingJobSummaries[0].TrainingJobName
    return step, builder.run_uri("models", best, "output", "model.tar.gz")


class _TuningStep(TuningStep):  # type: ignore[misc] # the SDK has no types
    """A tuning step with the trainer's settings that the SDK's tuner leaves out."""

    settings: Settings

    @property
    def arguments(self) -> Any:
        request = super().arguments
        job = request["TrainingJobDefinition"]
        if self.settings.network_isolation:
            job["EnableNetworkIsolation"] = True
        if self.settings.kms_key:
            job["ResourceConfig"]["VolumeKmsKeyId"] = self.settings.kms_key
        return request


def _range(one: Range) -> Any:
    if one.kind == "categorical":
        return CategoricalParameter(list(one.values))
    kind = IntegerParameter if one.kind == "integer" else ContinuousParameter
    return kind(*one.values)
