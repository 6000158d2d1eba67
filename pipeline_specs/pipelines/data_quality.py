"""The data-quality steps: our analyzer, or Model Monitor's in accounts that still have it.

Both write the same files, statistics.json, constraints.json and constraint_violations.json, to the
run's data-quality folder, and never fail a run because of what they found.
"""

import json
from dataclasses import dataclass
from typing import Any

from sagemaker.core.model_monitor.dataset_format import DatasetFormat
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep

from pipeline_specs import ROOT
from pipeline_specs.pipelines.builder import (
    Builder,
    Input,
    Output,
    Step,
    Variable,
    beneath,
    inside,
    output_uri,
)

ANALYZER = ROOT / "data_quality" / "analyzer.py"
WHAT = "data-quality"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What data is compared with: the URIs of a statistics and a constraints file."""

    statistics: Variable
    constraints: Variable


def baseline_step(
    builder: Builder, name: str, dataset: Variable, preprocessor: Variable
) -> tuple[Step, Baseline]:
    """Return the step that makes a dataset the new baseline, and where the baseline lies.

    Our analyzer takes categorical columns from the preprocessor's file; Model Monitor guesses them.
    """
    if builder.settings.data_quality.check == "model-monitor":
        step = _model_monitor(
            builder, name, dataset, skip_check=True, register_new_baseline=True, cached=True
        )
        found = step.properties
        return step, Baseline(
            found.CalculatedBaselineStatistics, found.CalculatedBaselineConstraints
        )
    step = _analyzer(builder, name, dataset, None, preprocessor)
    folder = output_uri(step, WHAT)
    return step, Baseline(beneath(folder, "statistics.json"), beneath(folder, "constraints.json"))


def check_step(builder: Builder, name: str, dataset: Variable, baseline: Baseline) -> Step:
    """Return the step that compares a dataset with a baseline and reports what differs."""
    if builder.settings.data_quality.check == "model-monitor":
        return _model_monitor(
            builder,
            name,
            dataset,
            skip_check=False,
            register_new_baseline=False,
            fail_on_violation=False,
            supplied_baseline_statistics=baseline.statistics,
            supplied_baseline_constraints=baseline.constraints,
            cached=False,
        )
    return _analyzer(builder, name, dataset, baseline)


def _analyzer(
    builder: Builder,
    name: str,
    dataset: Variable,
    baseline: Baseline | None,
    preprocessor: Variable | None = None,
) -> Step:
    inputs = {"dataset": Input(dataset)}
    environment = {
        "dataset_format": json.dumps({"csv": {"header": True}}),
        "dataset_source": inside("input", "dataset"),
        "output_path": inside("output"),
        "publish_cloudwatch_metrics": "Disabled",
        **builder.settings.data_quality.thresholds.environment(),
    }
    if preprocessor is not None:
        inputs["preprocessor"] = Input(preprocessor)
        environment["column_types"] = inside("input", "preprocessor", "preprocessor.json")
    if baseline:
        for key, uri in (
            ("statistics", baseline.statistics),
            ("constraints", baseline.constraints),
        ):
            inputs[f"baseline-{key}"] = Input(uri)
            file_name = str(uri).rsplit("/", 1)[-1]
            environment[f"baseline_{key}"] = inside("input", f"baseline-{key}", file_name)
    return builder.script(
        name,
        ANALYZER,
        inputs=inputs,
        outputs={WHAT: Output(WHAT)},
        environment=environment,
        cached=baseline is None,
    )


def _model_monitor(
    builder: Builder, name: str, dataset: Variable, *, cached: bool, **options: Any
) -> Step:
    settings, machines = builder.settings, builder.settings.processing
    network = builder.network()
    return QualityCheckStep(
        name=name,
        quality_check_config=DataQualityCheckConfig(
            baseline_dataset=dataset,
            dataset_format=DatasetFormat.csv(header=True),
            output_s3_uri=builder.run_uri(WHAT),
        ),
        check_job_config=CheckJobConfig(
            role=builder.role,
            instance_count=1,
            instance_type=machines.instance_type,
            volume_size_in_gb=machines.volume_gb,
            volume_kms_key=settings.kms_key,
            output_kms_key=settings.kms_key,
            max_runtime_in_seconds=machines.max_runtime_seconds,
            tags=builder.tags or None,
            # A NetworkConfig cannot be serialized into the definition.
            network_config=network._to_request_dict() if network else None,
            sagemaker_session=builder.session,
        ),
        model_package_group_name=settings.project.model_package_group,
        cache_config=builder.cache if cached else None,
        **options,
    )
