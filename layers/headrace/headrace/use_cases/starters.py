"""Who is behind a version, for projects that ask for four eyes."""

from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.lane import Request
from headrace.domain.model_version import ModelPackage
from headrace.domain.people import Starters


def with_starters(ledger: Ledger, sagemaker: SageMaker, package: ModelPackage) -> ModelPackage:
    """Return a version with the people behind it.

    The ledger has them for runs that the control plane started; for any other run SageMaker says
    who started it. A run named after a request that the ledger does not have was started by an
    earlier release: who asked for it is unknown.
    """
    arn = package.metadata.get("run", "")
    if "/execution/" not in arn:
        return package._replace(started_by=Starters((), known=False))
    asked, execution = ledger.requested_by(arn), sagemaker.describe(arn)
    by, name = (execution.created_by, execution.display_name) if execution else ("", "")
    known = asked is not None or (bool(by) and not Request.is_id(name))
    people = (by, *(asked or ()), package.created_by)
    found = tuple(dict.fromkeys(person for person in people if person))
    return package._replace(started_by=Starters(found, known))
