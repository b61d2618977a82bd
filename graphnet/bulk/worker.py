"""`python -m graphnet.bulk.worker`: a process that answers blocks, from its input to its output.

The process that started it speaks `messages`; where that one is gone, so is this.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from typing import IO

from graphnet.bulk.blocks import unpacked
from graphnet.bulk.messages import guarded, receive, send

AHEAD = 4
"""Blocks that are read before they are wanted: whoever sends one never waits for an answer."""


def main() -> None:
    """Answer until the input ends."""
    # Ctrl-C goes to all processes of a terminal; the one that started this decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    into, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever prints, prints where errors go, and not between messages.
    os.dup2(2, 1)
    setup = receive(into)
    if setup is None:
        return
    made: list[Callable[[bytes], bytes]] = []

    def answer(block: bytes) -> bytes:
        if not made:  # what is wrong with the model is the answer to the first block
            from graphnet.bulk.run import answerer_of

            made.append(answerer_of(unpacked(setup)))
        return made[0](block)

    work(answer, into, out)


def work(answer: Callable[[bytes], bytes], into: IO[bytes], out: IO[bytes]) -> None:
    """Answer what comes in."""
    from graphnet.blas import one_thread

    blocks: queue.Queue[bytes | None] = queue.Queue(AHEAD)
    threading.Thread(target=_read, args=(into, blocks), daemon=True).start()
    with one_thread():
        while (block := blocks.get()) is not None:
            try:
                send(out, guarded(answer, block))
            except BrokenPipeError:
                return


def _read(into: IO[bytes], blocks: queue.Queue[bytes | None]) -> None:
    while (block := receive(into)) is not None:
        blocks.put(block)
    blocks.put(None)


if __name__ == "__main__":
    main()
