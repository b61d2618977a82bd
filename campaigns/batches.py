"""What campaigns have in common: children for their cases, forks, and protections taken out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from campaigns.children import FOREIGN, HOSTILE_BYTES, WRONG, Outcome, Verdict, in_child
from campaigns.table import Result

_ABREAST = 2
"""Children at once, where there are so many processors."""
_TIMES = 3
"""How often a case may be tried that took too long: others use the machine too."""


class Tally:
    """Verdicts counted, and digested in their order."""

    def __init__(self) -> None:
        self.ends: dict[str, int] = {}
        self.wrong: list[str] = []
        self._digest = hashlib.sha256()

    def count(self, end: Verdict, where: str) -> None:
        """One case."""
        self.ends[end.kind] = self.ends.get(end.kind, 0) + 1
        self._digest.update(f"{end.kind}\n".encode())
        if end.kind in (WRONG, FOREIGN):
            self.wrong.append(f"{where}: {end.kind}: {end.said}")

    def found(self) -> dict[str, Any]:
        """For the parent."""
        return {"ends": self.ends, "wrong": self.wrong[:100], "digest": self._digest.hexdigest()}


def outcomes(
    function: str,
    jobs: Sequence[Mapping[str, Any]],
    *,
    memory: int | None = HOSTILE_BYTES,
    seconds: float = 300,
    env: Mapping[str, str] | None = None,
) -> Iterator[Outcome]:
    """How the child of each job ended, in the jobs' order."""

    def work(job: Mapping[str, Any]) -> Outcome:
        return in_child(function, job, memory=memory, seconds=seconds, env=env)

    with ThreadPoolExecutor(min(_ABREAST, os.cpu_count() or 1)) as pool:
        yield from pool.map(work, jobs)


def gathered(found: Iterator[Outcome], memory: int | None = HOSTILE_BYTES) -> Result:
    """What children found, each of which returned {"ends": how often each end was seen, "wrong": a
    line for each fault}. One that did not return, or had more memory than this, is a fault."""
    result = Result()
    for i, outcome in enumerate(found):
        if outcome.value is None or (memory is not None and outcome.peak > memory):
            result.count("broken")
            said = f"ended with {outcome.code}, peak {outcome.peak:,}: {outcome.said[-300:]}"
            result.blame(f"child {i}: {said}")
            continue
        for end, number in outcome.value["ends"].items():
            result.count(end, number)
        for line in outcome.value["wrong"]:
            result.blame(line)
    return result


def alone(
    function: str, job: Mapping[str, Any], size: int, seconds: float, ends: Sequence[str]
) -> tuple[str, str]:
    """How a case ended that has a child of its own, whose function returns {"kind", "said",
    "seconds"}; and what was wrong: another end than one of `ends`, more seconds, or more memory
    than a hostile file of so many bytes may cost."""
    allowed = HOSTILE_BYTES + size
    for _ in range(_TIMES):
        outcome = in_child(function, job, memory=allowed)
        found = outcome.value
        if found is None:
            return "broken", f"ended with {outcome.code}: {outcome.said[-200:]}"
        if found["seconds"] <= seconds:
            break
    wrong = []
    if found["kind"] not in ends:
        wrong.append(f"ended as {found['kind']}: {found['said'][:300]}")
    if found["seconds"] > seconds:
        wrong.append(f"took {found['seconds']:.1f} s")
    if outcome.peak > allowed:
        wrong.append(f"took {outcome.peak:,} bytes")
    return found["kind"], "; ".join(wrong)


def forked(work: Callable[[], Any]) -> int:
    """The number of a fork that does the work and ends with 0, or with 1 where it fails."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except Exception as e:  # noqa: BLE001 # told by the parent, as an exit code
            os.write(2, f"{type(e).__name__}: {e}\n".encode())
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """How a fork ended; below 0 for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def taken_out(
    protections: Mapping[str, Callable[[], list[Any]]], name: str | None
) -> Iterator[None]:
    """With the patches of the protection of this name, if any."""
    with ExitStack() as stack:
        for patch in protections[name]() if name is not None else ():
            stack.enter_context(patch)
        yield
