"""The keys of `project.yaml` that the control plane reads, checked so that errors name the line.

The layer's `Project.parse` gives them their meaning and defaults; it reads plain mappings, and
knows nothing of lines.
"""

import re

from headrace.domain.project import FOLDER_KEYS, RESERVED, Project

from pipeline_specs.config.document import Document, Section

TOP = (
    *("project", "prefix", "folders", "pipelines", "model_package_group", "drops", "quality"),
    *("approval", "retune", "notify"),
)
_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9])*")
_LONGEST = {"project": 32, "model_package_group": 63}
_LONGEST_PIPELINE = 256
_STATUSES = ("Starting", "Executing", "Stopping", "Stopped", "Failed", "Succeeded")


def project(top: Section, source: Document) -> Project:
    """Return what the control plane needs; raises PermanentError naming file, line and key."""
    _name(top, "project", _LONGEST["project"])
    if "model_package_group" in top.values:
        _name(top, "model_package_group", _LONGEST["model_package_group"])
    pipelines = top.section("pipelines").only(
        "training", "training_hpo", "inference", "model_quality"
    )
    for key in pipelines.values:
        _name(pipelines, str(key), _LONGEST_PIPELINE)
    _files(top)
    quality = top.section("quality").only("metric", "threshold")
    quality.text("metric")
    quality.number("threshold")
    _reactions(top)
    return Project.parse(source.values, source.where)


def _files(top: Section) -> None:
    if "prefix" in top.values:
        _folder(top, "prefix")
    folders = top.section("folders").only(*FOLDER_KEYS)
    for key in folders.values:
        _folder(folders, str(key))
    drops = top.section("drops").only("suffix", "quiet_period", "trigger_file")
    for key in ("suffix", "trigger_file"):
        if drops.values.get(key):
            drops.text(key)
    drops.number("quiet_period", 60.0, least=0.0)


def _reactions(top: Section) -> None:
    approval = top.section("approval").only("remind_after_hours", "four_eyes")
    approval.number("remind_after_hours", 72.0, least=0.0)
    approval.flag("four_eyes", False)
    retune = top.section("retune").only("cool_down_hours", "max_per_week")
    retune.number("cool_down_hours", 24.0, least=0.0)
    retune.whole("max_per_week", 3, least=0)
    notify = top.section("notify").only("recipients", "custom")
    for custom in notify.sections("custom"):
        custom.only("pipeline", "step", "status", "message")
        custom.text("pipeline")
        custom.text("message")
        custom.choice("status", _STATUSES)
        if custom.values.get("step"):
            custom.text("step")


def _name(section: Section, key: str, longest: int) -> None:
    name = section.text(key)
    if not _NAME.fullmatch(name) or len(name) > longest:
        section.fail(
            key,
            f"should be of at most {longest} letters, digits and inner hyphens, but is {name!r}",
        )


def _folder(section: Section, key: str) -> None:
    taken = sorted(set(section.text(key).strip("/").split("/")) & RESERVED)
    if taken:
        section.fail(key, f"may not hold a folder {taken[0]!r}")
