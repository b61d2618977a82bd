"""Generators: the same for the same use, others for others."""

from graphnet.randomness import generator


def test_the_same_use_gives_the_same_numbers():
    assert generator(0, "order", 1).permutation(9).tolist() == (
        generator(0, "order", 1).permutation(9).tolist()
    )


def test_every_part_of_the_use_counts():
    uses = [
        (0, "order", 1),
        (1, "order", 1),
        (0, "init", 1),
        (0, "order", 2),
        (0, "order", 1, 1),
        (0, "order", "1x"),
    ]
    assert len({generator(*use).integers(2**62) for use in uses}) == len(uses)


def test_the_stream_is_fixed_for_good():
    """Another number here would change every trained bundle."""
    assert generator(0, "order", 1).permutation(10).tolist() == [9, 8, 6, 1, 3, 2, 4, 0, 5, 7]
    assert generator(7, "init", "affine1/W").normal() == -1.1948949557825612
