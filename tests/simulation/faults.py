"""What can go wrong, how often, and where: around each effect of an invocation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.simulation.clock import HOUR, START, Clock

# An invocation may be as slow as its function's timeout, less what its own work takes.
_SLOWEST = 25.0
_DEEPEST = 3
# Effects after which an invocation that is to die has died, if it gets that far.
_LONGEST = 80.0

# Calls that change nothing: to die after one is to die before what comes next.
_READS = {
    "get", "batch_get", "query", "read", "list",
    "DescribePipeline", "DescribePipelineExecution", "DescribeProcessingJob",
    "DescribeModelPackage",
    "list_pipeline_executions", "list_pipeline_execution_steps", "list_model_packages",
    "list_pipeline_parameters_for_execution",
    "find", "status", "jobs",
}  # fmt: skip


class Killed(BaseException):
    """The invocation dies here, without a word."""


@dataclass(frozen=True)
class Mix:
    """Shares of what goes wrong. Windows are (from, to) in hours since the start.

    `killed` is a share of invocations, `unanswered` of effects, `interleaved` of the effects
    before which something else that is due runs to its end. `late` is the share of an event's
    copies that take up to a day. While SageMaker is `deaf`, it does what it is asked and does not
    answer. Where most reconciles fail, and are tried twice more, their timer is half as fast.
    """

    name: str
    killed: float = 0.0
    unanswered: float = 0.0
    interleaved: float = 0.0
    conflicts: float = 0.0
    duplicates: float = 0.3
    late: float = 0.1
    sagemaker_lost: float = 0.0
    uploads_lost: float = 0.0
    throttled: tuple[float, float] = (0.0, 0.0)
    deaf: tuple[float, float] = (0.0, 0.0)
    gitlab_down: tuple[float, float] = (0.0, 0.0)
    token_hours: float = 8.0
    redrive_days: float = 4.0
    receives: int = 0  # before a message is a dead letter; 0 for what the template says
    reconcile_minutes: float = 10.0
    inventory_hours: float = 24.0  # where no upload is lost it finds nothing, and costs most


MIXES = (
    Mix("calm", duplicates=0.0, late=0.0),
    Mix("events repeated, reordered, a day late", duplicates=1.0, late=0.3, interleaved=0.01),
    Mix(
        "crashes and lost answers, token kept 1 h",
        0.03, 0.03, 0.02, 0.01, token_hours=1.0, reconcile_minutes=20.0,
    ),
    Mix(
        "crashes and lost answers, token kept 8 h",
        0.03, 0.03, 0.02, 0.01, token_hours=8.0, reconcile_minutes=20.0,
    ),
    Mix(
        "SageMaker throttled an hour, GitLab down six",
        0.01, 0.01, 0.01, 0.005,
        throttled=(6.0, 7.0), gitlab_down=(8.0, 14.0), token_hours=1.0,
    ),
    Mix(
        "SageMaker deaf for 90 minutes, token kept 1 h",
        0.01, 0.01, 0.01, 0.005, deaf=(6.0, 7.5), token_hours=1.0,
    ),
    Mix("all SageMaker events lost", 0.01, 0.01, 0.01, 0.005, sagemaker_lost=1.0),
    Mix(
        "a tenth of everything lost",
        0.01, 0.01, 0.01, 0.005,
        sagemaker_lost=0.1, uploads_lost=0.1, inventory_hours=2.0,
    ),
    Mix(
        "a fifth crashes, dead letters redriven after 14 days",
        0.2, 0.05, 0.02, 0.02,
        redrive_days=13.9, token_hours=1.0, receives=2, reconcile_minutes=20.0,
    ),
)  # fmt: skip


@dataclass(slots=True)
class _Invocation:
    """A function at work: since when, and at which of its effects it will die (0: none)."""

    began: float
    dies_at: int
    dies_before: bool
    effects: int = 0


@dataclass
class Faults:
    """Decides what happens around each effect; counts what it did.

    `at_effect` makes exactly one fault, for enumeration: (number of the change, what). `at_end_of`
    kills the first invocation of that function once it has done everything.
    """

    clock: Clock
    mix: Mix
    at_effect: tuple[int, str] | None = None
    at_end_of: str = ""
    effects: int = 0
    made: dict[str, int] = field(default_factory=dict)
    settled: bool = False
    _running: list["_Invocation | None"] = field(default_factory=list)

    def within(self, window: tuple[float, float]) -> bool:
        """Whether it is a time between two hours since the start."""
        return window[0] <= (self.clock.now - START) / HOUR < window[1]

    def settle(self) -> None:
        """From now on nothing goes wrong any more."""
        self.settled = True

    def by_chance(self, share: float) -> bool:
        """Whether something that goes wrong so often does, for the invocation at work."""
        if self.settled or not self._running or self._running[-1] is None:
            return False
        return self.clock.random.random() < share

    def invocation(self, name: str, call: Callable[[], Any]) -> Any:
        """Run an invocation of a function; Killed comes out if it died."""
        random, dies_at = self.clock.random, 0
        if not self.settled and random.random() < self.mix.killed:
            # As often among its first effects as among the many of a large batch.
            dies_at = int(_LONGEST ** random.random())
        self._running.append(_Invocation(self.clock.now, dies_at, random.random() < 0.5))
        try:
            answer = call()
            if name == self.at_end_of:
                self.at_end_of = ""
                self._kill(f"killed at the end of {name}")
            return answer
        finally:
            self._running.pop()

    def around(self, label: str, apply: Callable[[], Any]) -> Any:
        """Take an effect of the running invocation, with what goes wrong around it."""
        self.clock.note(label)
        invocation = self._running[-1] if self._running else None
        if invocation is None:  # not a function's: Step Functions, a person, a test
            return apply()
        if self.at_effect is not None and label.split(maxsplit=1)[0] not in _READS:
            self.effects += 1
            return self._enumerated(label, apply)
        invocation.effects += 1
        if invocation.effects == invocation.dies_at:
            if invocation.dies_before:
                self._kill("killed before an effect")
            apply()
            self._kill("killed after an effect")
        roll = self.clock.random.random()
        if roll >= self.mix.interleaved + self.mix.unanswered or self.settled:
            return apply()
        if roll < self.mix.interleaved:
            self._interleave()
            return apply()
        apply()
        self.count(f"unanswered {label.split()[0]}")
        raise self._silence(roll)

    def _enumerated(self, label: str, apply: Callable[[], Any]) -> Any:
        assert self.at_effect is not None
        number, what = self.at_effect
        if self.effects != number:
            return apply()
        if what == "before":
            self._kill(f"killed before {label}")
        apply()
        if what == "after":
            self._kill(f"killed after {label}")
        self.count(f"unanswered {label.split()[0]}")
        raise self._silence(0.0)

    def _interleave(self) -> None:
        """Let what is due next happen now, in the middle of this invocation."""
        invocations = [one for one in self._running if one is not None]
        if len(invocations) >= _DEEPEST:
            return
        self._running.append(None)
        try:
            if self.clock.step(invocations[0].began + _SLOWEST):
                self.count("interleaved")
        finally:
            self._running.pop()

    def _kill(self, how: str) -> None:
        self.count(how)
        raise Killed(how)

    def _silence(self, roll: float) -> Exception:
        kind = ConnectionClosedError if int(roll * 1e6) % 2 else ReadTimeoutError
        error: Exception = kind(endpoint_url="https://simulated")
        return error

    def silence(self, service: str) -> Exception:
        """Return what a client raises when an answer never comes."""
        self.count(f"{service} deaf")
        error: Exception = ReadTimeoutError(endpoint_url=f"https://{service}")
        return error

    def throttling(self, service: str, operation: str) -> ClientError:
        """Return what a throttled client raises after its own retries."""
        self.count(f"{service} throttled")
        return refused("ThrottlingException", "Rate exceeded", operation, 400)

    def count(self, what: str) -> None:
        self.made[what] = self.made.get(what, 0) + 1
        self.clock.note(what)


def refused(code: str, text: str, operation: str, status: int = 400, **more: Any) -> ClientError:
    """Return an error answer as botocore raises it."""
    answer = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(answer, operation)
