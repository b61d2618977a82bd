"""The commands as a person runs them: scripts of tools/, run as processes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
DIGITS = ROOT / "models" / "digits.json"
EXAMPLES = ROOT / "examples" / "digits"
NOWHERE = "http://127.0.0.1:9"
"""A port of this machine on which nobody listens."""


class Done(NamedTuple):
    """What a process left: its exit code, standard output, and the lines of standard error."""

    code: int
    out: str
    err: list[str]


class Commands:
    """Scripts of tools/, run in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        name: str,
        *arguments: object,
        folder: Path | None = None,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run tools/NAME.py to its end."""
        done = subprocess.run(
            self.line(name, *arguments),
            cwd=folder or self.folder,
            input=stdin,
            capture_output=True,
            env=self.environment(env),
            timeout=300,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode().splitlines())

    def line(self, name: str, *arguments: object) -> list[str]:
        """The words of a command."""
        return [sys.executable, str(ROOT / "tools" / f"{name}.py"), *map(str, arguments)]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """This process's environment without data sets, a cache or a network."""
        home = str(self.folder)
        kept = {name: value for name, value in os.environ.items() if name != "GRAPHNET_DATA"}
        homes = dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME"), home)
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
        return {**kept, **homes, **proxies, "no_proxy": "", "NO_PROXY": "", **(more or {})}
