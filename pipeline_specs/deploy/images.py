"""Whether a region has the prebuilt images that the pipelines' steps run in.

Read from the SageMaker SDK's own table, from which builders get an image's URI: importing the SDK
takes seconds.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from headrace.domain.errors import PermanentError

from pipeline_specs.algorithms import ALGORITHM
from pipeline_specs.algorithms.algorithm import Image
from pipeline_specs.pipelines.built import SKLEARN

IMAGES = (ALGORITHM.image, SKLEARN)
_ELSEWHERE = "us-east-1"


@cache
def registries(framework: str, version: str) -> dict[str, str]:
    """Return the account whose registry has an image, by region.

    Raises PermanentError if the table is not where this version of the SDK has it.
    """
    found = find_spec("sagemaker")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, "core", "image_uri_config", f"{framework}.json")
        if path.is_file():
            table = json.loads(path.read_text("utf-8"))
            return dict(table["training"]["versions"][version]["registries"])
    raise PermanentError("the SageMaker SDK has no table of images; run `make setup`")


def nearest(image: Image, region: str) -> str:
    """Return a region that has an image, of the same part of the world if there is one."""
    there = sorted(registries(image.framework, image.version))
    area = region.partition("-")[0]
    return next((one for one in there if one.startswith(area)), _ELSEWHERE)


def missing(region: str) -> Iterator[str]:
    """Yield what to say of each image that a region does not have."""
    for image in IMAGES:
        framework, version = image.framework, image.version
        if region not in registries(framework, version):
            yield (
                f"{framework} {version} is not in {region}, so no pipeline can be built there; "
                f"choose another region, such as {nearest(image, region)}"
            )


def refuse_missing(region: str) -> None:
    """Raise PermanentError, in one line, if a region lacks an image."""
    if found := list(missing(region)):
        raise PermanentError("; ".join(found))
