"""Which accounts may read a project's versions, as `project.yaml` says it."""

import re

from pipeline_specs.config.document import Section


def parse(accounts: Section) -> tuple[str, ...]:
    """Return the readers in `project.yaml`; raises PermanentError naming the key."""
    readers = accounts.only("readers").texts("readers")
    for reader in readers:
        if not re.fullmatch(r"\d{12}", reader):
            accounts.fail("readers", f"should be account numbers of 12 digits, but has {reader!r}")
    return readers
