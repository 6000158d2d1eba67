"""A model version as it is looked up in the registry before a decision."""

from typing import NamedTuple

from headrace.domain import people
from headrace.domain.errors import PermanentError

# Set on the model that a scoring run creates, so that describing it shows its version.
PACKAGE_VARIABLE = "HEADRACE_MODEL_PACKAGE_ARN"
# A tag of that model: its pipeline's name, by which IAM knows that it is the stack's own.
PIPELINE_TAG = "headrace:pipeline"


def version_of(arn: str | None) -> int:
    """Return the version number at the end of a model package's ARN; 0 for no ARN."""
    number = (arn or "").rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


class ModelPackage(NamedTuple):
    """A version in the registry as DescribeModelPackage gives it.

    `metadata` is its CustomerMetadataProperties: what the pipeline wrote when it registered the
    version (`kind`, `run`, `preprocessor`, `training_data`, ...) and what people added
    (`review_board_reference`). `modified_by` is a name of the person or role, or empty.
    `started_by` names who started its run and who registered it; None if not looked up.
    `artefact` is the S3 URI of its model.tar.gz, empty if the registry names none.
    """

    arn: str
    group: str
    version: int
    approval: str
    created: float
    modified: float
    modified_by: str
    evaluation_uri: str
    metadata: dict[str, str]
    created_by: str = ""
    started_by: people.Starters | None = None
    artefact: str = ""

    @property
    def kind(self) -> str:
        return self.metadata.get("kind", "")

    @property
    def business_key(self) -> str:
        """Identifies this state of the version, however many events report it."""
        return f"package/{self.arn}/{self.approval}/{self.modified}"

    @property
    def board_reference(self) -> str:
        return self.metadata.get("review_board_reference", "").strip()

    @property
    def lacks_review(self) -> bool:
        """Whether it may not go live yet: a retuned version needs the review board's reference.

        A version of unknown origin is held to the stricter rule.
        """
        return self.kind != "training" and not self.board_reference

    @property
    def why_not(self) -> str:
        """Why it may not go live; empty if it may.

        Four eyes are required only if `started_by` was looked up.
        """
        if self.approval != "Approved":
            return f"it is {self.approval or 'without approval'}, not Approved"
        if self.lacks_review:
            return "it comes from retuning and has no review_board_reference in its metadata"
        return self.lacks_second_person

    @property
    def lacks_second_person(self) -> str:
        """Why the approval breaks the four-eyes rule; empty if it does not or was not looked up."""
        if self.started_by is None:
            return ""
        return people.why_not(self.modified_by, self.started_by)

    def need(self, name: str) -> str:
        """Return a metadata property that the training pipeline writes on every version."""
        value = self.metadata.get(name, "")
        if not value:
            raise PermanentError(
                f"{self.arn} has no metadata property {name!r}; "
                "only versions registered by a Headrace pipeline can be used"
            )
        return value
