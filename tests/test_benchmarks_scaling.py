"""benchmarks/scaling: the model of a step that ranks share, and the page that it writes."""

import argparse
import json
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.scaling import nets
from benchmarks.scaling.__main__ import FIGURES, PAGE, network
from benchmarks.scaling.measuring import LARGE, RANKS, REDUCES
from benchmarks.scaling.model import Fit, Link, Net, fitted, step
from benchmarks.scaling.page import NETWORKS, written
from graphnet.training.loop import Trainer

FOUND = json.loads(FIGURES.read_text(encoding="utf-8"))
TEXT = PAGE.read_text(encoding="utf-8")


def net(**more):
    values = {
        "nbytes": 8e6,
        "update": 0.001,
        "add": 0.002,
        "computed": {(64, 1): 0.101, (64, 4): 0.031},
    }
    return Net(**{**values, **more})


def test_the_line_goes_through_times_that_lie_on_one():
    fit = fitted([(n, 1e-4 + n * 2e-9) for n in (1e3, 1e6, 1e7, 1e8)])
    assert fit.start == pytest.approx(1e-4)
    assert fit.per_byte == pytest.approx(2e-9)
    assert np.abs(fit.off).max() < 1e-9
    assert fit(1e6) == pytest.approx(0.0021)


def test_residuals_are_shares_of_what_was_measured():
    fit = fitted([(1e6, 1e-3), (1e7, 1e-2), (1e8, 2e-1)])
    for off, (nbytes, seconds) in zip(
        fit.off, [(1e6, 1e-3), (1e7, 1e-2), (1e8, 2e-1)], strict=True
    ):
        assert fit(nbytes) == pytest.approx(seconds * (1 + off))
    assert isinstance(fit, Fit)


def test_a_step_of_four_ranks_has_the_parts_that_paper_says():
    one = step(net(), 64, 4, Link(rate=1e9, latency=1e-5), shards=4)
    assert one.compute == pytest.approx(0.03)
    assert one.latency == pytest.approx(2 * 2 * 1e-5)
    assert one.transfer == pytest.approx(2 * 0.75 * 8e6 / 1e9)
    assert one.adding == pytest.approx(0.75 * 0.002)
    assert one.talk == pytest.approx(2e-5 + 32e-9)
    assert one.seconds == pytest.approx(0.03 + 0.001 + 4e-5 + 0.012 + 0.0015 + 2e-5 + 32e-9)
    assert one.efficiency == pytest.approx(0.101 / (4 * one.seconds))
    assert one.at_best == pytest.approx(0.101 / (4 * (0.03 + 0.001 + one.talk)))
    # 12 ms in bytes, 5 in shards that are small: those make most of what is lost.
    assert one.limits == "bandwidth 27%, small shards 11%"


def test_meetings_cost_messages_and_bytes_of_every_shard():
    link = Link(rate=1e9, latency=1e-5)
    met = step(net(meetings=10, meeting_bytes=1000), 64, 4, link, shards=4)
    assert met.talk == pytest.approx(11 * 2e-5 + 4 * 1008 / 1e9)


def test_a_batch_that_nobody_computes_alone_counts_as_eight_shards():
    wide = net(computed={(LARGE, 8): 0.5, (LARGE, 64): 0.1})
    alone = step(wide, LARGE, 64, Link(1e9, 0.0), shards=64).alone
    assert alone == pytest.approx(8 * 0.499 + 7 * 0.002 + 0.001)


def test_one_process_plays_one_rank_of_several():
    jobs = pytest.importorskip("benchmarks.scaling.jobs", reason="the extra 'mpi' is not installed")
    ranks = jobs.Pretended(4)
    small = nets.network("residual", batch=8, shards=8)
    with Trainer(small, nets.dataset(small), threads=1, ranks=ranks) as trainer:
        assert trainer.team.rows(8) == slice(0, 2)
        (loss,) = trainer.steps(np.arange(8))
    assert np.isfinite(loss)
    # Ten normalizations meet in each pass.
    assert ranks.meetings == 20
    assert ranks.nbytes > 0


def test_the_wide_network_has_a_hundred_million_parameters():
    values = nets.wide()
    units = [nets.UNITS, *(node["units"] for node in values["nodes"] if "units" in node)]
    count = sum(a * b + b for a, b in pairwise(units))
    assert 100e6 < count < 101e6
    assert FOUND["whole"][nets.WIDE]["parameters"] == count


def test_the_page_is_what_follows_from_the_figures():
    assert written(TEXT, FOUND) == TEXT


def test_a_page_without_a_place_for_results_is_refused():
    with pytest.raises(ValueError, match="the page has no lines"):
        written("# Nothing\n", FOUND)


def test_the_page_has_every_net_every_number_of_ranks_and_both_networks():
    for rate in NETWORKS:
        _, found, rest = TEXT.partition(f"### {rate:g} Gbit/s, ")
        assert found
        table = rest.partition("\n#")[0]
        for name in nets.NAMES:
            for batch in (FOUND["whole"][name]["batch"], LARGE):
                for ranks in RANKS:
                    assert f"| {nets.TITLES[name]} | {batch:,} | {ranks} |" in table
    for name in nets.NAMES:
        for how in REDUCES:
            assert f"| {nets.TITLES[name]} | shared memory | `{how}` |" in TEXT


def test_a_network_is_a_rate_and_a_latency():
    assert network("10=30") == (10.0, 30.0)
    for text in ("10", "x=1", "10=", "-1=3", "10=-3", "nan=1"):
        with pytest.raises(argparse.ArgumentTypeError, match="Gbit/s and microseconds"):
            network(text)
