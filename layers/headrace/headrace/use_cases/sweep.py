"""Which projects an invocation of reconcile looks at: the next ones, so that all have their turn.

A turn is recorded before it begins, so whatever goes wrong in it holds back no other project. The
retry of an invocation has the turn of the first attempt again.
"""

from collections.abc import Callable

from headrace.adapters.ledger import Ledger
from headrace.adapters.marks import Marks
from headrace.domain.errors import Conflict
from headrace.domain.project import Project

PROJECTS = 100  # of one invocation: about half a minute
_TRIES = 5

Turn = dict[str, Callable[[], Project]]  # by name, what parses the project's settings


def take_turn(ledger: Ledger, marks: Marks, request_id: str, *, begin: bool) -> Turn:
    """Return the projects whose turn it is, and record that it was theirs.

    Without `begin`, only a sweep that is not over goes on. Raises Conflict while others take turns
    at the same time.
    """
    for _ in range(_TRIES):
        sweep = marks.sweep()
        again = dict(sweep.turns).get(request_id) if request_id else None
        if again is not None:
            return ledger.projects_after(again, PROJECTS)
        if sweep.is_over and not begin:
            return {}
        turn = ledger.projects_after("" if sweep.is_over else sweep.after, PROJECTS)
        try:
            marks.put_sweep(sweep.taken(request_id, list(turn), is_over=len(turn) < PROJECTS))
        except Conflict:
            continue
        return turn
    raise Conflict("other invocations of reconcile take turns at the same time")
