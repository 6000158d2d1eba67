"""Short simulations of one project, hour by hour, for tests of a single property."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from headrace.adapters import eventbridge
from headrace.domain.project import Project

from tests.simulation.clock import HOUR, MINUTE, START
from tests.simulation.faults import Mix
from tests.simulation.people import MISSED, People
from tests.simulation.sagemaker import Fate, Run
from tests.simulation.world import World

QUIET = Mix("nothing goes wrong", duplicates=0.0, late=0.0, reconcile_minutes=10.0)
SUCCEEDED = Fate(HOUR, "Succeeded")
MISSED_THRESHOLD = Fate(HOUR, "Failed", ("ModelQuality", MISSED))

WEEKLY = {"kind": "schedule", "reference": "rate(7 days)"}


@dataclass
class Story(People):
    """One project; runs end as `fates` says for their pipelines, or well, after an hour."""

    seed: int = 0
    mix: Mix = QUIET
    uploads: int = 0
    projects: int = 1
    fates: dict[str, Fate] = field(default_factory=dict)
    plot: Callable[["Story"], None] | None = None

    def _fate(self, run: Run) -> Fate:
        return self.fates.get(run.pipeline.split("-", 2)[2], SUCCEEDED)

    def _register(self, settings: Project, kind: str, run: str) -> None:
        self.world.registry.register(settings.model_package_group, kind, run)  # nobody reviews it

    def _plan(self) -> None:
        self.world.gitlab.fail_share = 0.0
        if self.plot is not None:
            self.plot(self)

    def told(self, hours: float) -> World:
        """Let it happen for some hours, reconciled every so often; return the world."""
        world = self.world
        with world.running():
            self.begin()
            world.schedule(START + hours * HOUR)
            world.clock.run(START + hours * HOUR)
        return world

    def at(self, minutes: float, what: Callable[..., object], *args: object) -> None:
        self.world.clock.at(START + minutes * MINUTE, what, *args)

    def drop(self, folder: str, *names: str) -> None:
        """Upload files at once."""
        for name in names:
            if folder == "ground-truth":
                self._truth(self.world.projects[0], name)
                continue
            place = self.world.projects[0].folder(folder)  # type: ignore[arg-type]
            self._upload(f"{place}{name}", f"v-{name}", True)

    def approved(self, kind: str = "training") -> str:
        """Register a version and approve it, as it may be; return its ARN."""
        group = self.world.projects[0].model_package_group
        arn = self.world.registry.register(group, kind, "")
        self.world.registry.change(arn, "Approved", "" if kind == "training" else "board 1")
        return arn

    def outcomes(self, of: str) -> list[tuple[str, str]]:
        """Return (time, cause) of the decisions with an outcome."""
        with self.world.running():
            return [
                (entry["time"], line["event"])
                for entry in self.world.ledger.audit("p0")
                for line in entry["decided"]
                if line["outcome"] == of
            ]


def whole_loop(story: Story) -> None:
    """A model goes live, is scored with, misses its threshold and is retuned."""
    story.at(1, story.approved)
    story.at(20, story.drop, "training", "a.csv", "b.csv", "größe +1.csv")
    story.at(20, story.drop, "scoring", "c.csv", "d.csv")
    story.at(60, story.drop, "training", "e.csv")


def governed(story: Story) -> None:
    """What is live is rejected, and a retuned version lacks the board's reference at first."""
    second: list[str] = []

    def retuned() -> None:
        arn = story.world.registry.register(group, "training-hpo", "")
        change = story.world.registry.change
        story.world.clock.after(MINUTE, change, arn, "Approved")
        story.world.clock.after(HOUR, change, arn, "Approved", "board 1")

    group = story.world.projects[0].model_package_group
    story.at(1, story.approved)
    story.at(30, lambda: second.append(story.approved()))
    story.at(90, lambda: story.world.registry.change(second[0], "Rejected"))
    story.at(150, retuned)


def busy(story: Story) -> None:
    """Files arrive while a run holds the lane, one of them is no data, and a run is stopped."""

    def stop_all() -> None:
        for run in list(story.world.sagemaker.runs.values()):
            story.world.sagemaker.stop(run)

    def schedule() -> None:
        detail = {"pipeline": settings.pipelines.training, "id": "s0", "cause": "weekly"}
        envelope = eventbridge.own("Run Requested", detail, story.world.clock.now)
        story.requests[f"request/{settings.pipelines.training}/s0"] = story.world.clock.now
        story.world.inbox.send(json.dumps(envelope))

    settings = story.world.projects[0]
    story.at(1, story.drop, "training", "a.csv")
    story.at(20, story.drop, "training", "b.csv")
    story.at(21, schedule)
    story.at(25, story._upload, f"{settings.folder('training')}notes.txt", "notes", False)
    story.at(40, stop_all)
