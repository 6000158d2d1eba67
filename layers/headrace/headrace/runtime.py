"""What the template tells a function, read when it is needed."""

import os

from headrace.domain.errors import PermanentError


def setting(name: str, default: str = "") -> str:
    """Return a setting from the function's environment.

    Raises PermanentError, naming it, if the template gives none and there is no default.
    """
    value = os.environ.get(name, "") or default
    if not value:
        raise PermanentError(f"the function's environment has no {name}; see template.yaml")
    return value
