"""The model of `project.yaml`: the only definition of its keys, defaults and checks.

From it come the errors (`complaints`), the JSON schema that editors read, and the table of keys
in docs/configuration.md (`python -m pipeline_specs.config.reference` writes both).
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictStr, model_validator
from pydantic.config import JsonDict

from pipeline_specs.config.building import Data, DataQuality, Machines, Steps, Training, Tuning
from pipeline_specs.config.fields import (
    OPTIONAL_SECTION,
    Flag,
    Pairs,
    Section,
    Shape,
    Text,
    Texts,
    Wrong,
)
from pipeline_specs.config.recipients import Notify
from pipeline_specs.config.schedules import KINDS, LONGEST_NAME, Schedules, rule_name
from pipeline_specs.config.sharing import Accounts
from pipeline_specs.config.watching import (
    Approval,
    Drops,
    Folder,
    Folders,
    GroupName,
    Pipelines,
    ProjectName,
    Quality,
    Retune,
)

_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_TOGETHER: JsonDict = {"subnets": ["security_groups"], "security_groups": ["subnets"]}
RoleArn = Annotated[
    StrictStr,
    Shape("arn:.+", "a role's ARN, arn:..."),
    Field(examples=["arn:aws:iam::111122223333:role/ours"]),
]
# What the control plane reads; the rest is only for pipelines.
_CONTROL_PLANE = {
    *("project", "prefix", "folders", "pipelines", "model_package_group", "drops", "quality"),
    *("approval", "retune", "notify"),
}


class ProjectFile(Section):
    """A project: its data, pipelines, limits, machines and recipients of messages."""

    model_config = ConfigDict(
        title="A Headrace project", json_schema_extra={"dependentRequired": _TOGETHER}
    )

    project: ProjectName
    """The project's name, in messages, commands and the names of its pipelines."""
    prefix: Folder | None = None
    """The project's folder in the data bucket; named like the project unless set."""
    folders: Annotated[Folders, OPTIONAL_SECTION] = Folders()
    pipelines: Annotated[Pipelines, OPTIONAL_SECTION] = Pipelines()
    model_package_group: GroupName | None = None
    """Where versions are registered; headrace-PROJECT unless named. Created if missing."""
    data: Data
    drops: Annotated[Drops, OPTIONAL_SECTION] = Drops()
    quality: Quality
    approval: Annotated[Approval, OPTIONAL_SECTION] = Approval()
    retune: Annotated[Retune, OPTIONAL_SECTION] = Retune()
    processing: Machines
    """What preprocessing, evaluation and quality checks run on."""
    training: Training
    tuning: Tuning
    inference: Machines
    """What batch transform runs on."""
    data_quality: Annotated[DataQuality, OPTIONAL_SECTION] = DataQuality()
    steps: Annotated[Steps, OPTIONAL_SECTION] = Steps()
    accounts: Annotated[Accounts, OPTIONAL_SECTION] = Accounts()
    schedules: Annotated[Schedules, OPTIONAL_SECTION] = Schedules()
    notify: Annotated[Notify, OPTIONAL_SECTION] = Notify()
    upload_training_data: Flag = False
    """CI uploads pipeline_specs/PROJECT/data/training/ when it changes, which starts training."""
    upload_inference_data: Flag = False
    """CI uploads pipeline_specs/PROJECT/data/inference/ when it changes, which starts inference."""
    recreate_pipelines: Flag = False
    """CI deletes and recreates the pipelines, which loses their history."""
    tags: Pairs = ()
    """On pipelines, jobs, models and the model package group."""
    user_id: Text | None = None
    """The person responsible; becomes the tag user_id."""
    role_arn: RoleArn | None = None
    """The role of SageMaker's jobs, instead of the stack's."""
    kms_key: Annotated[Text, Field(examples=[_KEY])] | None = None
    """Encrypts the output of jobs and their disks."""
    subnets: Texts = ()
    """The ids of the subnets that jobs run in; requires security_groups."""
    security_groups: Texts = ()
    """The ids of the jobs' security groups; requires subnets."""
    network_isolation: Flag = False
    """Containers get no network at all."""

    @model_validator(mode="after")
    def _networks_are_whole(self) -> "ProjectFile":
        if bool(self.subnets) != bool(self.security_groups):
            raise Wrong("and security_groups go together: set both or none", "subnets")
        return self

    @model_validator(mode="after")
    def _rules_have_names(self) -> "ProjectFile":
        for key, kind in KINDS.items():
            scheduled = getattr(self.schedules, key) is not None
            if scheduled and len(rule_name(self.project, kind)) > LONGEST_NAME:
                raise Wrong(f"needs a shorter project name than {self.project}", "schedules", key)
        return self

    def control_plane(self) -> dict[str, Any]:
        """Return what the control plane reads of the file, with defaults filled in, as JSON."""
        return self.model_dump(mode="json", include=_CONTROL_PLANE, exclude_none=True)
