"""docs/develop/scaling.md: what was measured, and what follows from it, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report import table
from benchmarks.scaling import nets
from benchmarks.scaling.measuring import LARGE, LINKS, RANKS, REDUCES, Measured
from benchmarks.scaling.model import Fit, Link, Net, Step, fitted, step

BEGIN, END = "<!-- results -->\n", "<!-- end of results -->"
NETWORKS = {10.0: 30.0, 100.0: 2.0}
"""Gbit/s -> microseconds of a message."""


def written(page: str, found: Measured, networks: Mapping[float, float] = NETWORKS) -> str:
    """The page with these figures in place of the ones before.

    Errors: ValueError where it has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no lines {BEGIN.strip()!r} and {END!r}")
    parts = [about(found), exchanges(found), compute(found), foretold(found, networks)]
    return f"{before}{BEGIN}\n" + "\n".join([*parts, checked(found)]) + f"\n{END}{after}"


def about(found: Measured) -> str:
    """Where the figures come from."""
    others = found["others"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"Measured on {found['processor']}. Other programs took at most {others['clock']:.0%} of "
        f"the processors while an exchange or a step of two ranks was measured, and "
        f"{others['core']:.0%} while seconds of a core were. {versions}.\n"
    )


def exchanges(found: Measured) -> str:
    """Gradients of two ranks added, and the line through the times."""
    rows = []
    for link, ways in found["exchange"].items():
        for how, times in ways.items():
            fit = fitted(times)
            # Both directions at once: each rank sends as many bytes as it has, and gets as many.
            rate = 1 / fit.per_byte / 1e9
            rows.append(
                [
                    link,
                    f"`--reduce {how}`",
                    *(_ms(seconds) for _, seconds in times),
                    f"{fit.start * 1e6:.0f} µs",
                    f"{rate:.2f} GB/s",
                    ", ".join(f"{off:+.0%}" for off in fit.off),
                ]
            )
    sizes = [_size(nbytes) for nbytes, _ in next(iter(found["exchange"][LINKS[0]].values()))]
    head = ["between", "sums", *(f"{size}, ms" for size in sizes), "a", "1 / b", "residuals"]
    missing = found["missing"]
    note = f"\nThe network was not measured: {missing}\n" if missing else ""
    return "## The exchange between two ranks\n\n" + table([head, *rows]) + note


def compute(found: Measured) -> str:
    """Shards by their samples; the update and the additions beside them."""
    counts = list(next(iter(found["shard"].values())))
    rows = []
    for name, whole in found["whole"].items():
        times = found["shard"][name]
        a_sample = [(times[n] - whole["update"]) / int(n) for n in counts]
        rows.append(
            [
                nets.TITLES[name],
                f"{whole['parameters']:,}",
                _size(whole["nbytes"]),
                *(_number(seconds * 1e6) for seconds in a_sample),
                _ms(whole["update"]),
                _ms(whole["add"]),
            ]
        )
    head = ["", "parameters", "gradients", *(f"{n}" for n in counts)]
    text = "## Computing on one core\n\nMicroseconds a sample, by the samples of a shard.\n\n"
    return text + table([[*head, "update, ms", "addition, ms"], *rows])


def foretold(found: Measured, networks: Mapping[float, float]) -> str:
    """The efficiency of many ranks over each network."""
    parts = ["## Many ranks, foretold\n"]
    software = fitted(found["exchange"][LINKS[0]]["tree"]).start / 2
    for rate, latency in networks.items():
        link = Link(rate * 1e9 / 8, latency * 1e-6 + software)
        head = ["", "batch", "ranks", "samples a rank", "computing, ms", "exchange, ms"]
        head += ["step, ms", "efficiency", "`fast`, at best", "what limits"]
        rows = [row for name in found["whole"] for row in _rows(found, name, link)]
        title = f"{rate:g} Gbit/s, {latency:g} µs on the wire and {software * 1e6:.0f} in programs"
        parts.append(f"### {title}\n\n{table([head, *rows])}")
    return "\n".join(parts)


def checked(found: Measured) -> str:
    """The model against steps of two ranks on the two cores of this machine."""
    rows = []
    for link, every in found["share"].items():
        for name, ways in every.items():
            for how in REDUCES:
                fit = fitted(found["exchange"][link][how])
                low, high, busy = _two(found, name, fit, how)
                alone = net_of(found, name).computed[found["whole"][name]["batch"], 1]
                taken = ways[how]["step"]
                told = _ms(high) if how == "tree" else f"{_ms(low)} to {_ms(high)}"
                rows.append(
                    [
                        nets.TITLES[name],
                        link,
                        f"`{how}`",
                        _ms(alone),
                        told,
                        _ms(busy),
                        _ms(taken),
                        f"{taken / high:.2f}",
                        f"{alone / (2 * taken):.0%}",
                        f"{ways[how]['others']:.0%}",
                    ]
                )
    head = ["", "between", "sums", "one rank, ms", "two foretold", "both cores busy", "measured"]
    head += ["measured / foretold", "efficiency", "others took"]
    text = (
        "By the clock, the best of some rounds; a step that other programs disturbed took longer, "
        "and the last column says how much of the processors they had. `fast` is foretold between "
        "all of the exchange hidden and none.\n\n"
    )
    return "## Two ranks, foretold and measured\n\n" + text + table([head, *rows])


def net_of(found: Measured, name: str) -> Net:
    """A network's figures as the model has them."""
    whole, ranks = found["whole"][name], found["rank"][name]
    computed = {
        (int(batch), int(size)): one["step"]
        for batch, sizes in ranks.items()
        for size, one in sizes.items()
    }
    several = ranks[str(LARGE)][str(RANKS[-1])]
    # With one shard to a rank: what a step takes above that of the shard is for all the others.
    above = several["step"] - found["shard"][name][str(LARGE // RANKS[-1])]
    return Net(
        nbytes=whole["nbytes"],
        update=whole["update"],
        add=whole["add"],
        computed=computed,
        meetings=several.get("meetings", 0),
        meeting_bytes=several.get("meeting_bytes", 0),
        join=max(0.0, above / RANKS[-1]) if "meetings" in several else 0.0,
    )


def _two(found: Measured, name: str, fit: Fit, how: str) -> tuple[float, float, float]:
    """Two ranks: were the exchange hidden behind the computing; one after the other; the same
    while the other rank computes too."""
    net, batch = net_of(found, name), found["whole"][name]["batch"]
    exchange, talk = fit(net.nbytes), (1 + net.meetings) * fit.start / 2
    computed = net.computed[batch, 2]
    low = max(computed - net.update, exchange) + net.update + talk
    high = computed + exchange + talk
    return low, high, high - computed + found["busy"][name]


def _rows(found: Measured, name: str, link: Link) -> Iterator[list[str]]:
    net, own = net_of(found, name), found["whole"][name]["batch"]
    for batch in (own, LARGE):
        for ranks in RANKS:
            row = [nets.TITLES[name], f"{batch:,}", str(ranks)]
            if (batch, ranks) not in net.computed:
                yield [*row, "-", "-", "-", "-", "-", "-", f"the batch: {batch} samples"]
                continue
            shards = max(found["whole"][name]["shards"], ranks)
            yield [*row, _number(batch / ranks), *_cells(step(net, batch, ranks, link, shards))]


def _cells(one: Step) -> list[str]:
    return [
        _ms(one.computing),
        _ms(one.exchange),
        _ms(one.seconds),
        f"{one.efficiency:.0%}" if one.efficiency > 0.1 else f"{one.efficiency:.1%}",
        f"{one.at_best:.0%}" if one.at_best > 0.1 else f"{one.at_best:.1%}",
        one.limits,
    ]


def _ms(seconds: float) -> str:
    """Milliseconds with three digits."""
    return _number(seconds * 1e3)


def _number(value: float) -> str:
    """Three digits; whole numbers from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _size(nbytes: Any) -> str:
    for unit, factor in (("MB", 1e6), ("KB", 1e3)):
        if nbytes >= factor * 0.95:
            return f"{nbytes / factor:.3g} {unit}"
    return f"{nbytes} B"
