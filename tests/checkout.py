"""A copy of this checkout, for tests that install it or change it, and the registry for both."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what leads to this checkout or to data sets."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "GRAPHNET_DATA")
    # Under `make test` a make of its own would print and behave as a part of that one.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith(("MAKE", "MFLAGS"))
    }
    return {**kept, **(more or {})}


def git(*words: str, folder: Path) -> str:
    """The output of git in a copy, without a person's settings."""
    env = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return run("git", *words, folder=folder, env=env)


def run(*command: object, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(env),
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def copy_to(folder: Path) -> Path:
    """Every file that belongs to the checkout, committed to a repository of its own in `folder`."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("what belongs to the checkout is known to git alone: no git, or no repository")
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", folder=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git("init", "--quiet", folder=folder)
    git("add", "--all", folder=folder)
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    git(*author, "commit", "--quiet", "--message=copy", folder=folder)
    return folder


@functools.cache
def _why_no_packages() -> str | None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--retries=1", "--timeout=20", "download"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*pip, "--no-deps", "--dest", folder, "hatchling"], capture_output=True, text=True
        )
    return None if done.returncode == 0 else (done.stderr.strip() or "pip failed").splitlines()[-1]


def need_packages() -> None:
    """Skip the test where pip gets no packages; in CI that is a failure."""
    why = _why_no_packages()
    if why is not None and os.environ.get("CI"):
        pytest.fail(f"pip cannot download packages: {why}")
    if why is not None:
        pytest.skip(f"pip cannot download packages: {why}")
