"""What people read when the inference pipeline is not what the ledger calls live."""

from headrace.domain.events import LiveDiffers
from headrace.domain.message import Message
from headrace.notifications.format import detail_lines, iso, lines, when


def differs(project: str, pipeline: str, event: LiveDiffers) -> Message:
    """The pipeline scores with something else than the live version."""
    if not event.pipeline_arn:
        seen = f"The inference pipeline {pipeline} is not there, so nothing can be scored."
    elif event.found != event.arn:
        with_what = event.found or "a model that names no version"
        seen = f"The inference pipeline {pipeline} scores with {with_what}."
    else:
        seen = f"The inference pipeline {pipeline} names the live version but not its artefact."
    elsewhere = event.pipeline_arn.split(":")[4:5] != event.arn.split(":")[4:5]
    command = "promote" if event.pipeline_arn and elsewhere else "refresh"
    values = {
        "model_package_arn": event.arn,
        "artefact": event.artefact,
        "found_model_package_arn": event.found,
        "found_artefact": event.found_artefact,
        "changed": iso(event.changed),
        "time": iso(event.time),
    }
    return Message(
        kind="live-differs",
        project=project,
        subject=f"{project}: the inference pipeline is not the live version's",
        text=lines(
            seen,
            f"The live version, which was approved, is {event.arn}.",
            "The ledger has no record of what changed the pipeline.",
            "",
            *detail_lines(
                artefact_found=event.found_artefact,
                artefact_of_the_live_version=event.artefact,
                pipeline_changed=when(event.changed),
                noticed=when(event.time),
                cause="CloudTrail shows who called UpdatePipeline or DeletePipeline",
            ),
            "",
            "To put the live version back into the pipeline:",
            "",
            f"  headrace pipelines {command} {project} --model-package-arn {event.arn}",
        ),
        detail={name: value for name, value in values.items() if value},
    )
