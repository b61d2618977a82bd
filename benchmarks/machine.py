"""Where the figures come from: the processor, and the versions of what ran."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from benchmarks.side import threads_here

CPU = Path("/sys/devices/system/cpu/cpu0/cache")
PACKAGES = ("numpy", "threadpoolctl", "msgpack", "pillow", "pydantic")


def processor() -> str:
    """Model, cores that this process may use, caches; what the system does not tell is left out."""
    parts = [_model(), f"{threads_here()} cores for this run", *_caches()]
    return ", ".join(parts)


def versions() -> dict[str, str]:
    """Python, the system, and the packages that graphnet stands on, with NumPy's BLAS."""
    import numpy as np  # loads the BLAS that is asked about
    from threadpoolctl import threadpool_info

    found = {"Python": platform.python_version(), "system": platform.system()}
    found |= {name: importlib.metadata.version(name) for name in PACKAGES}
    assert found["numpy"] == np.__version__
    for library in threadpool_info():
        if library["user_api"] == "blas":
            parts = library["internal_api"], library["version"], library.get("architecture")
            found["BLAS of numpy"] = " ".join(part for part in parts if part)
    return found


def load() -> str:
    """What else the machine does: processes that want to run, over the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _model() -> str:
    info = Path("/proc/cpuinfo")
    fields = ("model name", "cpu family", "model")
    found = {}
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    if "model name" not in found:
        return platform.processor() or platform.machine()
    name, family, model = (found.get(key, "?") for key in fields)
    return f"{name} (family {family}, model {model})"


def _caches() -> list[str]:
    found = []
    for index in sorted(CPU.glob("index*")):
        level, kind, size = (
            (index / name).read_text(encoding="utf-8").strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found.append(f"L{level} {size.removesuffix('K')} KB")
    return found
