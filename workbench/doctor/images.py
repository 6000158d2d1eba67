"""Whether the region has the prebuilt images that the pipelines' steps run in."""

from collections.abc import Iterator

from pipeline_specs.deploy.images import IMAGES, missing, nearest, registries
from workbench.doctor.findings import Finding
from workbench.doctor.target import Target


def images(target: Target) -> Iterator[Finding]:
    """Look each image up in the table of the SageMaker SDK, from which pipelines get its URI."""
    region = target.region
    for image in IMAGES:
        there = registries(image.framework, image.version)
        if region in there:
            seen = f"{image.framework} {image.version} comes from account {there[region]}"
            yield Finding("images", "ok", seen)
    for seen in missing(region):
        command = f"sam deploy --guided --region {nearest(IMAGES[0], region)}"
        yield Finding("images", "error", seen, command)
