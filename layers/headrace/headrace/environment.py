"""What the template tells a function, read when it is needed."""

import os

from headrace.errors import PermanentError


def setting(name: str) -> str:
    """Return a setting from the function's environment.

    Raises PermanentError, naming it, if the template gives none.
    """
    value = os.environ.get(name, "")
    if not value:
        raise PermanentError(f"the function's environment has no {name}; see template.yaml")
    return value
