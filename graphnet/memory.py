"""How much memory there is, and what a spec would take more than that.

What a network needs follows from its spec (`plan`), so it is refused before anything is allocated.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from graphnet.errors import GraphnetError, SpecLimitError, clipped

LITTLE = 64 * 2**20
"""Bytes that every machine has: for so few none is asked."""
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@cache
def machine_bytes() -> int | None:
    """The memory that this process may have: the machine's, or less where it is held to less (by
    a control group, as containers are, or a limit on its addresses).

    None where the system does not tell, as Windows does not: nothing is refused there.
    """
    return min(_bounds(), default=None)


def require(
    need: int,
    what: str,
    memory: int | None = None,
    remedy: str = "",
    error: type[GraphnetError] = SpecLimitError,
) -> None:
    """Refuse what needs more memory than there is.

    Units: need and memory in bytes; memory: default, `machine_bytes()`.
    Errors: `error`: SpecLimitError or BundleLimitError, with exit code 4.
    """
    allowed, whose = memory, "are allowed"
    if memory is None:
        if need <= LITTLE:
            return
        allowed, whose = machine_bytes(), "this machine has"
    if allowed is None or need <= allowed:
        return
    more = f"{remedy} needs less, " if remedy else ""
    text = f"{what} needs {need:,} bytes of memory, more than the {allowed:,} that {whose}"
    raise error(clipped(f"{text}; {more}a higher limit (--memory) allows it"))


def _bounds() -> Iterator[int]:
    names = getattr(os, "sysconf_names", {})
    if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(names):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            yield soft
    for file in _limit_files():
        try:
            text = file.read_text().strip()
        except OSError:  # no such group here, or one that this process may not see
            continue
        if text.isdigit():  # else "max"
            yield int(text)


def _limit_files() -> Iterator[Path]:
    """Where the limits of this process's control groups stand, and those of the groups above."""
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:  # a system without them
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        # Within a container the group's path is that of the outside, and its root is the group.
        folder = root / path.lstrip("/")
        yield from (
            above / name for above in (folder, *folder.parents) if root in (above, *above.parents)
        )
