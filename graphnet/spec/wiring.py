"""From edges to wires: what arrives in each port of each node, and the order to compute in."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import quoted
from graphnet.spec.problems import MOST_REPORTED, Path, Problem


class Ported(Protocol):
    """What the wiring needs to know of a node; a NodeSpec has it."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def ports(self) -> tuple[str, ...]: ...
    @property
    def optional(self) -> tuple[str, ...]: ...
    @property
    def repeats(self) -> bool: ...

    def takes(self, count: int, /) -> bool: ...
    def ports_for(self, count: int, /) -> tuple[str, ...]: ...


P = TypeVar("P", bound=Ported)


@dataclass(frozen=True)
class Outline(Generic[P]):
    """What can be understood of a graph, also of one with mistakes in it.

    A node whose attributes are wrong has no spec, an input whose shape is wrong no shape: all
    that does not depend on them is still checked.
    """

    inputs: Mapping[str, Shape | None]
    nodes: Sequence[tuple[Path, str, P | None]]
    edges: Sequence[tuple[Path, Sequence[str]]]
    outputs: Sequence[str] | None
    complete: bool
    """Whether every node and edge of the file is in it."""


@dataclass(frozen=True)
class Wiring:
    """order: node ids, each after all that it depends on; sources: for each node, the names at
    its ports, in order; outputs: what `predict` returns."""

    order: tuple[str, ...]
    sources: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]


def label(node: Ported) -> str:
    """How a message names a node: `node 'sum1' (Add)`."""
    return f"node '{node.id}' ({node.type})"


def wire(outline: Outline[Any]) -> tuple[Wiring, list[Problem]]:
    """The wiring of a graph, as far as it goes, and everything that is wrong with it."""
    problems = list(_doubled(outline))
    specs = {node_id: spec for _, node_id, spec in outline.nodes}
    places = {node_id: at for at, node_id, _ in outline.nodes}
    arrivals: dict[str, list[tuple[Path, str, str | None]]] = {n: [] for n in specs}
    left: set[str] = set()
    doubled = bool(problems)
    for at, path in outline.edges:
        found, wrong = _edges(at, path, outline, specs, hints=MOST_REPORTED - len(problems))
        problems += wrong
        for place, source, target, port in found:
            arrivals[target].append((place, source, port))
            left.add(source)
    # An edge that is not understood would show again as an empty port and a second sink.
    whole = outline.complete and not problems
    if doubled:  # one name for two things: what arrives where cannot be said
        wrong = _outputs(outline, specs, ())[1] if outline.outputs is not None else []
        return Wiring((), dict.fromkeys(specs, ()), ()), problems + wrong
    sources, ports = {}, {}
    for node_id, spec in specs.items():
        sources[node_id], ports[node_id] = _ports(spec, places[node_id], arrivals[node_id], whole)
    order, circle = ordered(list(specs), sources)
    for node_id in circle:  # an edge too many closes it: that is one mistake
        ports.pop(node_id, None)
    for wrong in ports.values():
        problems += wrong
    if circle:
        problems.append(_circle(circle, arrivals))
    if whole and not problems:
        problems += [
            Problem(("inputs", name), f"input '{name}' is used by no edge: use it or leave it out")
            for name in outline.inputs
            if name not in left
        ]
    left_over = [node_id for node_id in specs if node_id not in left]
    outputs, wrong = _outputs(outline, specs, left_over)
    if outline.outputs is not None or (whole and not problems):
        problems += wrong
    return Wiring(order, sources, outputs), problems


def _doubled(outline: Outline[Any]) -> Iterator[Problem]:
    seen = dict.fromkeys(outline.inputs, "an input")
    for at, node_id, _ in outline.nodes:
        if node_id in seen:
            what = f"{quoted(node_id)} is already the name of {seen[node_id]}: names are unique"
            yield Problem((*at, "id"), what)
        seen.setdefault(node_id, "a node")


def _edges(
    at: Path,
    path: Sequence[str],
    outline: Outline[Any],
    specs: Mapping[str, Ported | None],
    hints: int,
) -> tuple[list[tuple[Path, str, str, str | None]], list[Problem]]:
    """The edges of one path as (place, source, target, port), and the problems in it."""
    inputs = outline.inputs
    problems: list[Problem] = []
    steps: list[tuple[str, str | None] | None] = []
    for i, step in enumerate(path):
        name, dot, port = step.partition(".")
        place = (*at, i)
        steps.append(None)
        if name not in specs and name not in inputs:
            if not outline.complete:
                continue  # it may be one of those that could not be understood
            # Looking for a close name among 10,000 takes its time: no more than are shown.
            hint = did_you_mean(name, [*inputs, *specs]) if len(problems) < hints else ""
            following = path[i + 1].partition(".")[0] if i + 1 < len(path) else None
            about = f"node '{following}'" if following in specs else None
            what = "input" if about else "name"
            if not hint and len(outline.inputs) + len(specs) <= 8:
                hint = f"; there are {', '.join([*outline.inputs, *specs])}"
            text = f"{what} {quoted(name)} is not defined{hint}"
            problems.append(Problem(place, text, about))
        elif dot and i == 0:
            text = f"{quoted(step)} starts a path: a port is named where an edge arrives"
            problems.append(Problem(place, f"{text}; write {quoted(name)}"))
        elif name in inputs and name not in specs and i > 0:
            text = f"{quoted(name)} is an input: no edge arrives there; start a path with it"
            problems.append(Problem(place, text))
        else:
            steps[-1] = (name, port if dot else None)
    found = [
        ((*at, i + 1), source[0], target[0], target[1])
        for i, (source, target) in enumerate(pairwise(steps))
        if source and target
    ]
    return found, problems


def _ports(
    spec: Ported | None, at: Path, arrivals: list[tuple[Path, str, str | None]], whole: bool
) -> tuple[tuple[str, ...], list[Problem]]:
    """The sources at a node's ports, in the order of the ports."""
    in_order = tuple(source for _, source, _ in arrivals)
    if spec is None:
        return in_order, []
    about, ports = label(spec), spec.ports_for(max(len(arrivals), _most(spec)))
    dotted = [(place, source, port) for place, source, port in arrivals if port is not None]
    if dotted and len(dotted) != len(arrivals):
        first = arrivals[0][2] is None
        other = next(place for place, _, port in arrivals if (port is None) != first)
        text = "some of its edges name a port and some do not: write all with one, or all without"
        return in_order, [Problem(other, text, about)]
    problems: list[Problem] = []
    filled: dict[str, str] = {}
    for place, source, port in dotted:
        assert port is not None
        if port not in ports:
            if not problems:  # whoever knows the names mends the others too
                hint = did_you_mean(port, ports) or f"; its ports are {', '.join(ports)}"
                problems.append(Problem(place, f"it has no port {quoted(port)}{hint}", about))
        elif port in filled:
            text = f"port '{port}' takes one edge; '{filled[port]}' and '{source}' arrive there"
            free = [name for name in ports if all(name != p for _, _, p in dotted)]
            text += f"; port '{free[0]}' is free" if free else ""
            problems.append(Problem(place, text, about))
        else:
            filled[port] = source
    if whole and not problems and not spec.takes(len(arrivals)):
        given = ", ".join(f"'{source}'" for source in in_order[:5]) or "none"
        given += ", ..." if len(in_order) > 5 else ""
        given = f"only {given}" if 0 < len(in_order) < len(spec.ports) else given
        # One too many stands in the file; one too few does not.
        place = arrivals[_most(spec)][0] if len(arrivals) > _most(spec) else at
        text = f"it takes {_count(spec)}; the edges bring {given}"
        if not arrivals:
            text = f"nothing leads to it, and it takes {_count(spec)}: write what comes before it "
            text += "into a path, in front of its name"
        problems.append(Problem(place, text, about))
    if whole and not problems and dotted:
        problems += _left_out(spec, filled, at)
    if dotted and not problems:
        return tuple(filled[port] for port in ports if port in filled), []
    return in_order, problems


def _most(spec: Ported) -> int:
    """How many ports have names of their own."""
    return len(spec.ports) + len(spec.optional)


def _count(spec: Ported) -> str:
    """What a node takes, in words: `2 inputs (x, y)`."""
    text = f"{len(spec.ports)} input{'s' * (len(spec.ports) > 1)}"
    if spec.repeats:
        return f"{text} or more ({', '.join(spec.ports)}, ...)"
    if spec.optional:
        optional = ", ".join(spec.optional)
        return f"{len(spec.ports)} to {_most(spec)} inputs ({', '.join(spec.ports)}; {optional})"
    return f"{text} ({', '.join(spec.ports)})"


def _left_out(spec: Ported, filled: Mapping[str, str], at: Path) -> list[Problem]:
    """The first port without an edge, where edges name ports behind it."""
    for port in spec.ports_for(len(filled)):
        if port not in filled:
            text = f"port '{port}' has no edge, but one behind it has: bring something to '{port}'"
            return [Problem(at, text, label(spec))]
    return []


def ordered(
    ids: list[str], sources: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], list[str]]:
    """Topological order, ties by the order in `nodes` (Kahn, 1962, with a heap); and a circle."""
    rank = {node_id: i for i, node_id in enumerate(ids)}
    waits = {n: sum(s in rank for s in sources[n]) for n in ids}
    targets: dict[str, list[str]] = {n: [] for n in ids}
    for node_id in ids:
        for source in sources[node_id]:
            if source in targets:
                targets[source].append(node_id)
    ready = [rank[n] for n in ids if waits[n] == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        node_id = ids[heapq.heappop(ready)]
        order.append(node_id)
        for target in targets[node_id]:
            waits[target] -= 1
            if waits[target] == 0:
                heapq.heappush(ready, rank[target])
    if len(order) == len(rank):
        return tuple(order), []
    return tuple(order), _cycle({n for n in ids if waits[n] > 0}, sources)


def _circle(
    cycle: list[str], arrivals: Mapping[str, list[tuple[Path, str, str | None]]]
) -> Problem:
    """A circle, at that of its edges which was written last."""
    before = dict(zip([*cycle[1:], cycle[0]], cycle, strict=True))
    last = max(
        place
        for node_id in cycle
        for place, name, _ in arrivals[node_id]
        if name == before[node_id]
    )
    shown = [*cycle, cycle[0]] if len(cycle) <= 8 else [*cycle[:7], "...", cycle[0]]
    text = f"the edges go in a circle: {' -> '.join(shown)}; leave out the one that goes back"
    return Problem(last, text)


def _cycle(stuck: set[str], sources: Mapping[str, tuple[str, ...]]) -> list[str]:
    """One circle among nodes that each wait for another of them, in the edges' direction."""
    walk: dict[str, None] = {}
    node_id = min(stuck)
    while node_id not in walk:
        walk[node_id] = None
        node_id = next(s for s in sources[node_id] if s in stuck)
    backwards = list(walk)[list(walk).index(node_id) :]
    start = min(range(len(backwards)), key=lambda i: backwards[i])
    return backwards[start::-1] + backwards[:start:-1]


def _outputs(
    outline: Outline[Any], specs: Mapping[str, Ported | None], sinks: Sequence[str]
) -> tuple[tuple[str, ...], list[Problem]]:
    """The declared outputs, or the only node that no edge leaves."""
    if outline.outputs is None:
        if len(sinks) == 1:
            return tuple(sinks), []
        found = ", ".join(f"'{s}'" for s in sinks[:5]) + (", ..." if len(sinks) > 5 else "")
        text = f"no edge leaves {found}: name the 'outputs', or add the edges that are missing"
        return (), [Problem((), text)]
    problems = []
    seen: set[str] = set()
    for i, name in enumerate(outline.outputs):
        if name in outline.inputs and name not in specs:
            text = f"{quoted(name)} is an input: an output is a node"
            problems.append(Problem(("outputs", i), text))
        elif name not in specs and outline.complete:
            hint = did_you_mean(name, specs) if len(problems) < MOST_REPORTED else ""
            if not hint and len(specs) <= 8:
                hint = f"; there are {', '.join(specs)}"
            text = f"node {quoted(name)} is not defined{hint}"
            problems.append(Problem(("outputs", i), text))
        elif name in seen:
            problems.append(Problem(("outputs", i), f"{quoted(name)} is given twice"))
        seen.add(name)
    return tuple(outline.outputs), problems
