"""Finds possible secrets in the files of this repository, with detect-secrets.

It is the fork that checkov needs: both would be installed into one folder, in any order.

`python checks/find_secrets.py DETECT_SECRETS` exits 1 on a finding that is not listed as harmless,
and on a listed one that no longer exists.
"""

import hashlib
import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

# Value -> why it is harmless.
HARMLESS = {
    "AWS::SecretsManager::Secret": "a resource type",
    "GetSecretValue": "an IAM action of secretsmanager's",
    "test": "the key of clouds that tests start, on the loopback interface",
    "a-secret-in-the-shell": "a test shows that it stays there",
    "administrator-of-this-test": "signs in to a GitLab that a test starts",
    "b1946ac92492d2347c6235b4d2611184": "the ETag in AWS's example of an event",
    "AKIAIOSFODNN7EXAMPLE": "the access key of AWS's own examples",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gitlab": "a name, not a secret",
    "secret": "a secret's name, in the simulation",
    "00617F08299329D189": "the sequencer in AWS's example of an event",
    "!Ref GitLabSecret": "a reference to a resource",
    "glpat-wrong": "a token that a GitLab refuses",
    "processing-job/pipelines-9v2kq0x4w7ab-modelquality-aBcDeFgHiJ": "a job in an example",
    "//headrace-databucket-1a2b3c/abalone/runs/9v2kq0x4w7ab/predictions/": "a folder in a mail",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:GitLabSecret-1a2b3c": "a name in mails",
    "%s": "a place for a token, in a command that mails tell people to type",
    "AKIAROOTROOTROOTROOT": "the root key of a cloud that a test starts",
    "glptt-secret": "a trigger token of a GitLab that a test starts",
    "4dc8a7e4a010a19bb9e0a6b063f355393f6e623603361bd8b105f554d4f0c004": "the digest of an image",
}
# Hashes by design, and the list above.
LEFT_OUT = ("*/package-lock.json", "package-lock.json", "*/requirements.txt", "requirements/*.txt")
HERE = Path(__file__)


def files() -> list[str]:
    """Return the tracked and untracked files, without ignored and lock files."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [
        name
        for name in listed
        if (path := Path(name)).is_file()
        and not any(fnmatch(name, pattern) for pattern in LEFT_OUT)
        and not path.samefile(HERE)
    ]


def main(detect_secrets: str) -> int:
    """Print each finding as `file:line: kind`."""
    scanned = subprocess.run(
        [detect_secrets, "scan", *files()], check=True, capture_output=True, text=True
    )
    known = {_digest(value): value for value in HARMLESS}
    complaints, met = [], set()
    for name, found in json.loads(scanned.stdout)["results"].items():
        for secret in found:
            value = known.get(secret["hashed_secret"])
            if value is None:
                complaints.append(f"{name}:{secret['line_number']}: {secret['type']}")
            else:
                met.add(value)
    gone = HARMLESS.keys() - met
    complaints += [f"{HERE.name}: no file holds {value!r} any more" for value in gone]
    print("\n".join(complaints) or "no secrets")
    return 1 if complaints else 0


def _digest(value: str) -> str:
    return hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
