"""Run by ranks: rank 1 is late once, by more than the time-out and less than a roll call."""

import sys
import time

from graphnet.distributed import world as waiting

waiting.GRACE = 2.0
world = waiting.World(timeout=0.5)
world.gather(b"")
if world.rank == 1:
    time.sleep(0.8)
for _ in range(60):
    world.gather(b"")
    if world.rank == 1:  # the others wait, not for long
        time.sleep(0.05)
sys.stdout.write(f"{world.rank} is done\n")
