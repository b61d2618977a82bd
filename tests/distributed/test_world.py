"""One rank alone is a world, too; those of several are in the tests of jobs."""

import numpy as np
import pytest

pytest.importorskip("mpi4py", reason="the extra 'mpi' is not installed")


@pytest.fixture
def world():
    from graphnet.distributed.world import World

    return World()


def test_a_rank_alone_gathers_its_own_bytes(world):
    assert world.size == 1
    assert world.gather(b"") == [b""]
    assert world.gather(b"abc") == [b"abc"]
    assert world.broadcast(b"abc") == b"abc"
    assert world.here == [0]
    assert world.names[0].startswith("rank 0 of 1 (process ")


def test_what_is_sent_to_oneself_arrives(world):
    for size in (3, 100_000):
        world.send(b"x" * size, 0)
        assert world.receive() == (0, b"x" * size)
    world.flush()


def test_numbers_are_broadcast_in_place(world):
    array = np.arange(6.0).reshape(2, 3)
    world.broadcast_into(array)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_parts_of_an_array_cannot_be_broadcast_in_place(world):
    from graphnet.errors import RankError

    with pytest.raises(RankError, match="in one piece"):
        world.broadcast_into(np.arange(6.0).reshape(2, 3)[:, :2])
