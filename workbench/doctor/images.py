"""Whether the region has the prebuilt images that the pipelines' steps run in."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from headrace.domain.errors import PermanentError

from pipeline_specs.algorithms import ALGORITHM
from pipeline_specs.pipelines.built import SKLEARN
from workbench.doctor.findings import Finding
from workbench.doctor.target import Target

IMAGES = (ALGORITHM.image, SKLEARN)
_ELSEWHERE = "us-east-1"


def images(target: Target) -> Iterator[Finding]:
    """Look each image up in the table of the SageMaker SDK, from which pipelines get its URI."""
    for image in IMAGES:
        framework, version = image.framework, image.version
        there = registries(framework, version)
        if target.region in there:
            seen = f"{framework} {version} comes from account {there[target.region]}"
            yield Finding("images", "ok", seen)
            continue
        area = target.region.partition("-")[0]
        near = next((region for region in sorted(there) if region.startswith(area)), _ELSEWHERE)
        yield Finding(
            "images",
            "error",
            f"{framework} {version} is not in {target.region}, so no pipeline can be built here; "
            f"choose another region, such as {near}",
            f"sam deploy --guided --region {near}",
        )


def registries(framework: str, version: str) -> dict[str, str]:
    """Return the account whose registry has an image, by region.

    Read from the SDK's own file: importing the SDK takes seconds. Raises PermanentError if the
    file is not where this version of the SDK has it.
    """
    found = find_spec("sagemaker")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, "core", "image_uri_config", f"{framework}.json")
        if path.is_file():
            table = json.loads(path.read_text("utf-8"))
            return dict(table["training"]["versions"][version]["registries"])
    raise PermanentError("the SageMaker SDK has no table of images; run `make setup`")
