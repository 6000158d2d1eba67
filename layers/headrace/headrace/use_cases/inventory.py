"""An inventory of the watched folders: finds uploads whose events were lost.

S3 lists versions by key, not by time, so what is new can only be found among all there is. An
inventory therefore goes on from page to page through as many invocations as it takes.
"""

from dataclasses import dataclass, replace

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.domain.events import ObjectCreated
from headrace.domain.marks import Mark, Place
from headrace.domain.project import FOLDERS, Project

# Uploads younger than this, in seconds, may not be complete, or their event is on its way.
_SETTLE = 900.0


@dataclass(slots=True)
class Budget:
    """What the inventories of one invocation may still list, and put back."""

    pages: int = 300
    versions: int = 50_000
    uploads: int = 500

    @property
    def is_left(self) -> bool:
        return self.pages > 0 and self.versions > 0 and self.uploads > 0


def go_on(
    ledger: Ledger, bucket: DataBucket, project: Project, mark: Mark, now: float, budget: Budget
) -> tuple[list[ObjectCreated], Mark]:
    """Return uploads that were never decided, and the mark behind the last page that was listed.

    A page is finished even if the budget runs out in it.
    """
    missing: list[ObjectCreated] = []
    folders = tuple(FOLDERS)
    while mark.place is not None and budget.is_left:
        place = mark.place
        prefix = project.folder(folders[place.folder])
        page = bucket.page(prefix, place.key, place.version_id)
        until = now - _SETTLE
        recent = {
            upload.business_key: upload
            for one in page.versions
            if one.is_latest and not one.is_delete_marker and mark.since < one.time < until
            for upload in [ObjectCreated(bucket.name, one.key, one.version_id, one.size, one.time)]
        }
        seen = ledger.seen(recent)
        found = [upload for key, upload in recent.items() if key not in seen]
        budget.pages -= 1
        budget.versions -= len(page.versions)
        budget.uploads -= len(found)
        missing += found
        after: Place | None = Place(place.folder, *page.after) if page.after else None
        if after is None and place.folder + 1 < len(folders):
            after = Place(place.folder + 1)
        mark = replace(mark, place=after)
    return missing, replace(mark, touched=now)
