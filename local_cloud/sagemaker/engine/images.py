"""Container images: which ones are supported, and what runs in their place.

Known are AWS's scikit-learn, XGBoost and Model Monitor analyzer images, whatever their registry,
region and tag. All of them run under the one interpreter of the jobs' environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from local_cloud.sagemaker.engine.errors import StepFailed

SKLEARN = "sagemaker-scikit-learn"
XGBOOST = "sagemaker-xgboost"
ANALYZER = "sagemaker-model-monitor-analyzer"

_SAGEMAKER = Path(__file__).parents[1]
_SCRIPTS = _SAGEMAKER / "images"
_ANALYZER_SCRIPT = _SAGEMAKER.parents[1] / "data_quality" / "analyzer.py"


def repository_of(image_uri: str) -> str:
    """The repository's name of an image URI: no registry, no tag, no digest."""
    return image_uri.split("@")[0].rsplit("/", 1)[-1].split(":")[0]


def processing_command(
    image_uri: str, entrypoint: Sequence[str], arguments: Sequence[str], jobs_python: Path
) -> list[str]:
    """What a processing job with this image runs."""
    repository = _known(image_uri, (SKLEARN, XGBOOST, ANALYZER), "Processing")
    if entrypoint:
        return [*entrypoint, *arguments]
    if repository == ANALYZER:
        return [str(jobs_python), str(_ANALYZER_SCRIPT), *arguments]
    raise StepFailed(
        f"ClientError: The image {image_uri} has no entry point of its own for Processing; "
        "give a ContainerEntrypoint"
    )


def training_command(image_uri: str, jobs_python: Path) -> list[str]:
    """What a training job with this image runs in algorithm mode (no `sagemaker_program`)."""
    _known(image_uri, (XGBOOST,), "Training without a sagemaker_program")
    return [str(jobs_python), str(_SCRIPTS / "xgboost_algorithm.py")]


def check_script_mode(image_uri: str) -> None:
    """Refuse images whose script mode is not known here."""
    _known(image_uri, (SKLEARN, XGBOOST), "Training with a sagemaker_program")


def check_inference(image_uri: str) -> None:
    """Refuse images that cannot serve a model here."""
    _known(image_uri, (SKLEARN, XGBOOST), "Transform")


def inference_command(image_uri: str, jobs_python: Path, read_fd: int, write_fd: int) -> list[str]:
    """What serves a model with this image; requests and responses pass through two pipes."""
    repository = repository_of(image_uri)
    return [str(jobs_python), str(_SCRIPTS / "serve.py"), repository, str(read_fd), str(write_fd)]


def is_builtin_xgboost(image_uri: str) -> bool:
    """Whether AWS has metric definitions for this image."""
    return repository_of(image_uri) == XGBOOST


def _known(image_uri: str, supported: Sequence[str], use: str) -> str:
    repository = repository_of(image_uri)
    if repository not in supported:
        raise StepFailed(
            f"ClientError: The image {image_uri} is not supported here for {use}; supported "
            f"are the images {', '.join(supported)}"
        )
    return repository
