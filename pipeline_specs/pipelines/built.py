"""The input and output of building pipelines, without importing the SDK."""

from dataclasses import dataclass

from pipeline_specs.algorithms.algorithm import Image
from pipeline_specs.pipelines.bundles import Bundle

# Runs the scripts that need no model.
SKLEARN = Image("sklearn", "1.4-2-py312", "py3")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What pipelines are built for: the stack's bucket and role, and the region."""

    bucket: str
    role_arn: str
    region: str


@dataclass(frozen=True, slots=True)
class BuiltPipeline:
    """A pipeline as SageMaker takes it, and the code that its definition refers to."""

    name: str
    description: str
    definition: str
    role_arn: str
    tags: tuple[tuple[str, str], ...]
    max_parallel_steps: int | None
    code: tuple[Bundle, ...]
