"""What people do for some days: drop files, review models, start runs, stop them."""

import json
from dataclasses import dataclass, field
from typing import Any

from headrace.adapters import eventbridge
from headrace.domain.project import FOLDERS, Project

from tests.simulation.clock import DAY, HOUR, MINUTE, START
from tests.simulation.faults import Mix
from tests.simulation.sagemaker import Fate, Run
from tests.simulation.world import BUCKET, World

MISSED = json.dumps(
    {"metric": "mse", "value": 16.1, "threshold": 10.0, "passed": False, "rows": 1200}
)
_SIZES = (1, 2, 8, 30, 100, 250)

WEEKLY = {"kind": "schedule", "reference": "rate(7 days)"}


def project(number: int) -> Project:
    """Return the settings of a project; every third ends its drops by a trigger file."""
    return Project.parse(
        {
            "project": f"p{number}",
            "prefix": f"p{number}",
            "drops": {
                "quiet_period": 60,
                "trigger_file": "_COMPLETE" if number % 3 == 2 else "",
            },
            "quality": {"metric": "mse", "threshold": 10.0},
            "retune": {"cool_down_hours": 6, "max_per_week": 3},
        },
        "project.yaml",
    )


@dataclass
class People:
    """A world and its people. `data` are the uploads that must be run, each exactly once."""

    seed: int
    mix: Mix
    uploads: int
    projects: int = 4
    days: float = 1.5
    data: set[tuple[str, str]] = field(default_factory=set)
    requests: dict[str, float] = field(default_factory=dict)  # business key -> when
    truths: dict[str, list[str]] = field(default_factory=dict)  # key -> versions, oldest first
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(self.seed, self.mix, self._fate, self._ended)
        self._random = self.world.clock.random

    def live(self) -> World:
        """Let it all happen, until nothing is left to happen; return the world as it is then."""
        world, clock = self.world, self.world.clock
        with world.running():
            self.begin()
            active = START + self.days * DAY
            # A copy may be a day late; then a dead letter may wait its time.
            end = active + 1.2 * DAY + (self.mix.redrive_days * DAY if self.mix.killed else 0)
            world.schedule(end + 4 * DAY)
            clock.run(end)
            world.faults.settle()
            world.redrive()
            clock.run(end + 4 * DAY)
        return world

    def begin(self) -> None:
        """Deploy the projects, and plan the days."""
        for number in range(self.projects):
            self.world.add(project(number))
        self._plan()

    # --- what they do -----------------------------------------------------------------------------

    def _plan(self) -> None:
        clock, random = self.world.clock, self._random
        for settings in self.world.projects:
            clock.after(1.0, self._register, settings, "training", "")
            for _ in range(2):
                clock.after(random.uniform(0, self.days * DAY), self._by_hand, settings)
                clock.after(random.uniform(0, self.days * DAY), self._request, settings)
        left, number = self.uploads, 0
        while left > 0:
            size = min(left, random.choice(_SIZES))
            at = random.uniform(2 * MINUTE, self.days * DAY)
            clock.after(at, self._drop, self._one(self.world.projects), number, size)
            left, number = left - size, number + 1

    def _one(self, things: list[Any]) -> Any:
        return things[int(self._random.random() * len(things))]

    def _drop(self, settings: Project, number: int, size: int) -> None:
        clock, random = self.world.clock, self._random
        folder = "training" if random.random() < 0.5 else "scoring"
        place = settings.folder(folder)  # type: ignore[arg-type]  # one of the two
        # A name may come again in a later drop: another version of the same key.
        again = random.random() < 0.1 and not self.mix.uploads_lost
        sub = f"d{number % 7 if again else number}"
        # A copy is quick; somebody who drags files by hand is not.
        seconds = 150.0 if random.random() < 0.1 else 6.0
        for n in range(size):
            key = f"{place}{sub}/größe {n}+{number if not again else 0}.csv"
            clock.after(random.uniform(0, seconds), self._upload, key, f"v{number}.{n}", True)
        if random.random() < 0.2:
            clock.after(1.0, self._truth, settings, f"{sub}/größe 0+{number}.csv")
        if folder == "scoring" and random.random() < 0.8:
            # Some of what came true is known later, a part of it is corrected later still.
            for n in range(0, size, 3):
                name = f"{sub}/größe {n}+{number if not again else 0}.csv"
                at = random.choice((seconds, 2 * HOUR, 20 * HOUR)) * random.random()
                clock.after(at, self._truth, settings, name)
                if random.random() < 0.1:
                    clock.after(at + HOUR, self._truth, settings, name)
        if random.random() < 0.1:
            clock.after(1.0, self._upload, f"{place}{sub}/notes {number}.txt", f"n{number}", False)
        if settings.trigger_file:
            clock.after(seconds, self._complete, settings, folder, number)

    def _complete(self, settings: Project, folder: str, number: Any) -> None:
        place = f"{settings.prefix}/{FOLDERS[folder]}"  # type: ignore[index]
        self._upload(f"{place}{settings.trigger_file}", f"done-{folder}-{number}", False)

    def _upload(self, key: str, version: str, is_data: bool) -> None:
        world = self.world
        world.s3.upload(key, version, 100)
        if is_data:
            self.data.add((key, version))
        at = float(int(world.clock.now))
        envelope = eventbridge.object_created(BUCKET, key, version, 100, at)
        world.events.publish(envelope)

    def _truth(self, settings: Project, name: str) -> None:
        key = settings.folder("ground-truth") + name
        versions = self.truths.setdefault(key, [])
        versions.append(f"t{len(versions)}")
        self._upload(key, versions[-1], False)

    def _by_hand(self, settings: Project) -> None:
        pipelines = settings.pipelines
        name = self._one([pipelines.training, pipelines.training_hpo, pipelines.inference])
        run = self.world.sagemaker.begin(name, f"by-hand-{len(self.world.sagemaker.runs)}")
        if self._random.random() < 0.3:
            self.world.clock.after(20 * MINUTE, self.world.sagemaker.stop, run)

    def _request(self, settings: Project) -> None:
        """A schedule asks for a run: its message may come more than once."""
        number = len(self.requests)
        detail = {"pipeline": settings.pipelines.training, "id": f"s{number}", "cause": WEEKLY}
        asked_at = self.world.clock.now
        self.requests[f"request/{settings.pipelines.training}/s{number}"] = asked_at
        body = json.dumps(eventbridge.own("Run Requested", detail, asked_at))
        for _ in range(1 + int(self._random.random() * 3)):
            self.world.clock.after(self._random.uniform(0, HOUR), self.world.inbox.send, body)

    # --- what becomes of runs, and of versions ----------------------------------------------------

    def _fate(self, run: Run) -> Fate:
        random = self._random
        roll = random.random()
        if run.pipeline.endswith("inference"):
            hours = random.uniform(0.2, 2.0)
            if roll < 0.15:
                return Fate(hours * HOUR, "Failed", ("ModelQuality", MISSED))
            if roll < 0.2:
                return Fate(hours * HOUR, "Failed", ("ModelQuality", "Traceback: no such column"))
        elif run.pipeline.endswith("model-quality"):
            if roll < 0.3:
                said = MISSED if roll < 0.2 else "Traceback: no such column"
                return Fate(0.1 * HOUR, "Failed", ("ModelQuality", said))
            return Fate(0.1 * HOUR, "Succeeded")
        else:
            hours = random.uniform(0.3, 3.0)
        if roll < 0.3:
            return Fate(hours * HOUR, "Failed", ("Preprocess", "row 7: not a number"))
        return Fate(hours * HOUR, "Stopped" if roll < 0.35 else "Succeeded")

    def _ended(self, run: Run) -> None:
        if run.scored:
            self._predict(run)
        if run.status != "Succeeded" or "training" not in run.pipeline:
            return
        (settings,) = [p for p in self.world.projects if p.name == run.pipeline.split("-")[1]]
        kind = "training-hpo" if run.pipeline.endswith("hpo") else "training"
        self._register(settings, kind, run.arn)

    def _predict(self, run: Run) -> None:
        """Have a run's predictions of each of its files, under its own folder."""
        for key, _ in run.objects:
            prefix, name = key.split(f"/{FOLDERS['scoring']}")
            self.world.s3.upload(f"{prefix}/runs/{run.id}/predictions/{name}", run.id, 100)

    def _register(self, settings: Project, kind: str, run: str) -> None:
        arn = self.world.registry.register(settings.model_package_group, kind, run)
        first = arn.endswith("/1")
        roll = 0.0 if first else self._random.random()
        if roll < 0.6:
            self._after(5 * MINUTE, 0 if first else 6 * HOUR, self._approve, arn, kind)
        elif roll < 0.8:
            self._after(MINUTE, 6 * HOUR, self.world.registry.change, arn, "Rejected")
        elif roll < 0.85:
            self._after(MINUTE, 6 * HOUR, self.world.registry.delete, arn)

    def _approve(self, arn: str, kind: str) -> None:
        registry, roll = self.world.registry, self._random.random()
        if kind == "training" or roll < 0.5:
            registry.change(arn, "Approved", "" if kind == "training" else "board 12")
        else:  # the board's reference comes late
            registry.change(arn, "Approved")
            self._after(10 * MINUTE, 2 * HOUR, registry.change, arn, "Approved", "board 13")
        if arn.endswith("/1"):
            return  # stays, so that scoring never waits for good
        roll = self._random.random()
        if roll < 0.3:
            self._after(1.0, 3 * HOUR, self._reject, arn)
        elif roll < 0.35:
            self._after(1.0, 3 * HOUR, registry.delete, arn)

    def _reject(self, arn: str) -> None:
        self.world.registry.change(arn, "Rejected")
        if self._random.random() < 0.5:
            self._after(1.0, HOUR, self.world.registry.change, arn, "Approved", "board 14")

    def _after(self, least: float, most: float, what: Any, *args: Any) -> None:
        self.world.clock.after(self._random.uniform(least, max(least, most)), what, *args)
