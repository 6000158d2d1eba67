"""Which accounts may read a project's versions, as set in `project.yaml`."""

from typing import Annotated

from pydantic import StrictStr

from pipeline_specs.config.fields import OPTIONAL_LIST, Section, Shape

Account = Annotated[StrictStr, Shape("[0-9]{12}", "an account number of 12 digits, in quotes")]


class Accounts(Section):
    """Other accounts that score with this project's versions."""

    readers: Annotated[tuple[Account, ...], OPTIONAL_LIST] = ()
    """May read the model package group and approve nothing; set the stack's ReaderAccountIds
    as well."""
