"""The git repository that the laptop's GitLab hosts, with pushes of the working tree."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

DEFAULT_BRANCH = "main"
# What `make setup` and the laptop cloud create, for projects without a .gitignore.
_NEVER = (".venv/", ".headrace/", ".aws-sam/", "node_modules/", "__pycache__/", ".gitlab-ci-local/")
_WHO = {
    "GIT_AUTHOR_NAME": "Headrace",
    "GIT_AUTHOR_EMAIL": "headrace@localhost",
    "GIT_COMMITTER_NAME": "Headrace",
    "GIT_COMMITTER_EMAIL": "headrace@localhost",
    # The user's own hooks, signing and ignore rules are no part of the project.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class GitFailed(Exception):
    """git failed; the message has its command and output."""


class Repository:
    """A bare repository whose branch `main` follows the files of `root`, with or without a .git."""

    def __init__(self, root: Path, git_dir: Path) -> None:
        self.root = root
        self.git_dir = git_dir
        if not (git_dir / "HEAD").is_file():
            _git("init", "--quiet", "--bare", f"--initial-branch={DEFAULT_BRANCH}", str(git_dir))
            exclude = git_dir / "info" / "exclude"
            exclude.parent.mkdir(exist_ok=True)
            exclude.write_text("\n".join(_NEVER) + "\n", encoding="utf-8")

    def push(self) -> str:
        """Commit the files of `root` that .gitignore allows, if changed; return the sha."""
        at_root = ("--git-dir", str(self.git_dir), "--work-tree", str(self.root))
        _git(*at_root, "add", "--all", ".", cwd=self.root)
        tree = _git(*at_root, "write-tree", cwd=self.root)
        head = self.resolve(DEFAULT_BRANCH)
        if head is not None and self._git("rev-parse", f"{head}^{{tree}}") == tree:
            return head
        parents = ("-p", head) if head else ()
        commit = self._git("commit-tree", tree, *parents, "-m", "Push of the working tree")
        self._git("update-ref", f"refs/heads/{DEFAULT_BRANCH}", commit)
        return commit

    def resolve(self, ref: str) -> str | None:
        """The commit a branch or tag names, or None."""
        for kind in ("heads", "tags"):
            try:
                return self._git(
                    "rev-parse", "--verify", "--quiet", f"refs/{kind}/{ref}^{{commit}}"
                )
            except GitFailed:
                continue
        return None

    def clone(self, ref: str, sha: str, to: Path, url: str) -> None:
        """Check `sha` of branch `ref` out in `to`, with `url` as the origin a job will see."""
        _git(
            *("clone", "--quiet", "--shared", "--no-checkout", "--template="),
            *("-c", f"user.name={_WHO['GIT_AUTHOR_NAME']}"),
            *("-c", f"user.email={_WHO['GIT_AUTHOR_EMAIL']}"),
            *(str(self.git_dir), str(to)),
        )
        _git("checkout", "--quiet", "-B", ref, sha, cwd=to)
        _git("remote", "set-url", "origin", url, cwd=to)

    def _git(self, *arguments: str) -> str:
        return _git("--git-dir", str(self.git_dir), *arguments)


def _git(*arguments: str, cwd: Path | None = None) -> str:
    environment: Mapping[str, str] = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_")
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env={**environment, **_WHO},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise GitFailed(f"git {' '.join(arguments)}: {said}")
    return done.stdout.strip()
