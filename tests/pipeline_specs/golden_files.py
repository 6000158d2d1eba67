"""The projects' pipeline definitions as files, so that a change of a builder shows as a diff.

    .venv/project/bin/python -m tests.pipeline_specs.golden_files

writes them anew; read the diff before you commit it. Code lies in S3 under a hash of its content:
here it is named by its script instead, so that a change of a step script changes no golden file.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from itertools import product
from pathlib import Path

from pipeline_specs.config import settings
from pipeline_specs.pipelines.built import BuiltPipeline
from tests.pipeline_specs.pipeline_samples import DEPLOYMENT, KINDS, NOWHERE, model_package

FOLDER = Path(__file__).parent / "golden"


PROJECTS = ("abalone", "employment")


def path(project: str, kind: str) -> Path:
    return FOLDER / f"{project}-{kind}.json"


def shown(built: BuiltPipeline) -> str:
    """The definition for people to read, its code named by script."""
    text = json.dumps(json.loads(built.definition), indent=2, sort_keys=True) + "\n"
    scripts = set(re.findall(r"/opt/ml/processing/input/code/(\w+\.py)", text))
    for bundle in built.code:
        names = [name for name, _ in bundle.files]
        # A script comes with the modules beside it that it imports; those are its own affair.
        (name,) = [name for name in names if name in scripts] or names
        text = text.replace(bundle.sha256, name)
    return text


def main() -> None:
    warnings.simplefilter("ignore")  # the SDK warns of itself
    os.environ.update(NOWHERE)
    from pipeline_specs.pipelines import inference, model_quality, training

    FOLDER.mkdir(exist_ok=True)
    for name, kind in product(PROJECTS, KINDS):
        project, _ = settings.load(name)
        if kind in ("training", "training-hpo"):
            built = training.build(project, DEPLOYMENT, kind)  # type: ignore[arg-type]
        else:
            scoring = inference if kind == "inference" else model_quality
            built = scoring.build(project, DEPLOYMENT, model_package(name))
        path(name, kind).write_text(shown(built))
        print(path(name, kind))


if __name__ == "__main__":
    main()
