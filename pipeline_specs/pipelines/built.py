"""What building pipelines takes and gives, without the SDK that builds them."""

from dataclasses import dataclass

from pipeline_specs.pipelines.bundles import Bundle

# The prebuilt images that steps run in, by the SDK's name for the framework.
IMAGE_VERSIONS = {"sklearn": "1.4-2-py312", "xgboost": "3.0-5"}
# Set on the model, so that whoever describes it sees which version it is.
PACKAGE_VARIABLE = "HEADRACE_MODEL_PACKAGE_ARN"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where pipelines are built for: the stack's bucket and role, and the region."""

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
