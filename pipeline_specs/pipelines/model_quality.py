"""The model-quality step, and the pipeline of that step alone, for ground truth that comes later.

A scoring run checks its predictions itself if their ground truth exists. Ground truth that arrives
days or months later is checked by a run of this pipeline, on the predictions in the scoring run's
folder: nothing is scored again. One run may check files of several scoring runs.
"""

from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString

from pipeline_specs.config.settings import Settings
from pipeline_specs.pipelines import sdk
from pipeline_specs.pipelines.builder import STEPS, Builder, Input, Output, Step, Variable, inside
from pipeline_specs.pipelines.built import BuiltPipeline, Deployment
from pipeline_specs.pipelines.model_version import ModelPackage


def build(settings: Settings, deployment: Deployment, package: ModelPackage) -> BuiltPipeline:
    """Return the pipeline that checks earlier predictions, without calling a service.

    The version's preprocessor defines how labels are read. What to check has no default.
    """
    with sdk.building():
        builder = Builder(settings, deployment)
        predictions = ParameterString(name="Predictions")
        ground_truth = ParameterString(name="GroundTruth")
        preprocessor = ParameterString(name="Preprocessor", default_value=package.preprocessor)
        threshold = ParameterFloat(name="MetricThreshold", default_value=settings.project.threshold)
        check = step(
            builder,
            predictions=Input(predictions, "ManifestFile"),
            ground_truth=Input(ground_truth, "ManifestFile"),
            preprocessor=Input(preprocessor),
            threshold=threshold,
            more=["--of-runs"],
        )
        return builder.finish(
            name=settings.project.pipelines.model_quality,
            description=f"Checks predictions of {settings.project.name} with late ground truth",
            parameters=[predictions, ground_truth, preprocessor, threshold],
            steps=[check],
        )


def step(
    builder: Builder,
    *,
    predictions: Input,
    ground_truth: Input,
    preprocessor: Input,
    threshold: Variable,
    more: list[str] | None = None,
) -> Step:
    """Return the step that fails when the metric misses the threshold."""
    return builder.script(
        "ModelQuality",
        STEPS / "model_quality.py",
        inputs={
            "predictions": predictions,
            "ground_truth": ground_truth,
            "preprocessor": preprocessor,
        },
        # Continuous: a missed threshold fails the job, but its report must be uploaded.
        outputs={"model-quality": Output("model-quality", upload_mode="Continuous")},
        arguments=[
            *("--predictions", inside("input", "predictions")),
            *("--ground-truth", inside("input", "ground_truth")),
            *("--preprocessor", inside("input", "preprocessor", "preprocessor.json")),
            *("--metric", builder.settings.metric.name),
            *("--threshold", threshold.to_string()),
            # Files of predictions and ground truth have the same names: errors say which is meant.
            *("--source", "ground-truth/"),
            *("--output", inside("output")),
            *(more or ()),
        ],
    )
