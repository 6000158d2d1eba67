"""Checks the state machine with AWS's linter, statelint; its false positives are filtered by text.

`python checks/lint_states.py STATELINT FILE` exits 1 if there is anything else.
"""

import re
import subprocess
import sys

# Pattern of a complaint -> why it is a false positive.
HARMLESS = {
    r'\.Timestamp is "\{%.*%\}" but should be an RFC3339 timestamp$': (
        "a JSONata expression, as the States language allows; statelint knows paths only"
    ),
    r'\.Seconds is "\{%.*%\}" but should be an Integer$': "as above",
}
_NO_COMPLAINT = re.compile(r"(One error:|\d+ errors:|)$")


def main(statelint: str, file: str) -> int:
    """Print each real complaint."""
    linted = subprocess.run([statelint, file], capture_output=True, text=True, check=False)
    said = [line.strip() for line in (linted.stdout + linted.stderr).splitlines()]
    said = [line for line in said if not _NO_COMPLAINT.match(line)]
    met = {pattern for pattern in HARMLESS if any(re.search(pattern, line) for line in said)}
    complaints = [line for line in said if not any(re.search(p, line) for p in HARMLESS)]
    complaints += [
        f"{pattern}: statelint no longer reports this" for pattern in HARMLESS.keys() - met
    ]
    if linted.returncode and not said:
        complaints.append(f"statelint exited with {linted.returncode} and no output")
    print("\n".join(complaints) or "statelint: no complaint")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
