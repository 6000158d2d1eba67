"""Writes a first `project.yaml` from a CSV file, for a person to correct."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from headrace.domain.errors import PermanentError

from pipeline_specs import ROOT
from pipeline_specs.config import document
from pipeline_specs.config.detection import Column, Detected, detect
from pipeline_specs.config.settings import Settings

_FIRST_SETTINGS = """\
# yaml-language-server: $schema=../project.schema.json
# Every key is explained in docs/configuration.md. What was guessed is marked: correct it.

project: {project}

data:
  header: {header}  # guessed
  target: {target}  # guessed: {because}
  columns:  # guessed, in the order of the file
{columns}

drops:
  suffix: {suffix}
  quiet_period: 60  # seconds without an upload that end a drop

quality:
  metric: {metric}  # guessed from the target
  threshold: {threshold}  # guessed: {reason}

processing: {{instance_type: ml.m5.large}}

training:
  instance_type: ml.m5.large
  hyperparameters:  # of SageMaker's XGBoost, fixed and approved
    objective: {objective}
    num_round: 100
    max_depth: 5
    eta: 0.2

tuning:  # what a retuning may try
  ranges: {{eta: [0.05, 0.5], max_depth: [2, 8]}}
  max_jobs: 4
  max_parallel_jobs: 2

inference: {{instance_type: ml.m5.large}}

notify:
  recipients: []  # e-mail addresses
"""


def write(name: str, csv: Path, target: str | None, projects: Path) -> Iterator[str]:
    """Write the settings of a new project; yield lines that say what was detected."""
    path = projects / name / "project.yaml"
    if path.exists():
        raise PermanentError(f"{path} already exists; edit it, or choose another name")
    found = detect(csv, target)
    text = settings_text(name, csv, found)
    Settings.parse(document.parse(text, f"the first settings of {name}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    first = "names of columns" if found.header else "data"
    yield f"{csv}: {found.rows:,} rows of {len(found.columns)} columns; the first row is {first}"
    width = max(len(column.name) for column in found.columns)
    for column in found.columns:
        yield f"  {column.name:{width}}  {column.type:11}  {column}"
    metric, threshold, reason, _ = _quality(found.target)
    yield f"target: {found.target.name} ({found.because}); {metric} {threshold:g} ({reason})"
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    yield f"wrote {shown}: correct it, then commit and run CI with HEADRACE_ACTION=upsert"


def settings_text(name: str, csv: Path, found: Detected) -> str:
    """Return `project.yaml` for what was detected."""
    metric, threshold, reason, objective = _quality(found.target)
    columns = (f"    - {{name: {_text(c.name)}, type: {c.type}}}" for c in found.columns)
    return _FIRST_SETTINGS.format(
        project=_text(name),
        header=str(found.header).lower(),
        target=_text(found.target.name),
        because=found.because,
        columns="\n".join(columns),
        suffix=_text(csv.suffix or ".csv"),
        metric=metric,
        threshold=f"{threshold:g}",
        reason=reason,
        objective=objective,
    )


def _quality(target: Column) -> tuple[str, float, str, str]:
    """Return a metric, a first threshold for it, why, and XGBoost's objective."""
    if target.two_classes:
        return "auc", 0.75, "chance gives 0.5, and more is better", "binary:logistic"
    always_the_mean = float(f"{target.variance:.3g}")
    reason = f"always predicting the mean gives {always_the_mean:g}, and less is better"
    return "mse", float(f"{target.variance / 2:.3g}"), reason, "reg:squarederror"


def _text(value: str) -> str:
    """Return a text as YAML writes it inside braces."""
    dumped = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10_000)
    return dumped.strip()[1:-1]
