"""The plain spec that a spec with blocks stands for; its size is known before it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from graphnet.errors import quoted
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.spec.blocks import BLOCK, is_block, is_reference, takes_arguments
from graphnet.spec.bodies import Call, size_of
from graphnet.spec.bodycheck import inside, read_bodies
from graphnet.spec.frames import Frame, Instance, Put
from graphnet.spec.graph import MAX_EDGES, MAX_NODES
from graphnet.spec.origin import EdgeOrigin, NodeOrigin, Origins
from graphnet.spec.problems import Path, Problem
from graphnet.spec.source import MAX_BYTES

_LONGEST_ID = 150


@dataclass(frozen=True)
class Expansion:
    """A spec in plain values. problems: what is wrong with its blocks; a Block node that could not
    be put in stands in the values as it was. unused: what no node uses. wired: whether the edges
    are all understood."""

    values: dict[str, Any]
    origins: Origins
    problems: list[Problem]
    unused: list[Problem]
    wired: bool


def expand(values: dict[str, Any]) -> Expansion:
    """The plain spec that these values stand for, as far as they are right."""
    bodies = read_bodies(values)
    rest = {key: value for key, value in values.items() if key != "blocks"}
    whole = Instance(bodies.main, bodies.blocks)
    calls, wrong = _Tally().within_limits(whole, size_of(rest))
    main = replace(bodies.main, calls=calls)
    frame = Frame(replace(whole, body=main), "", {name: name for name in main.inputs})
    writer = _Writer()
    writer.write(frame)
    for at, node in main.rest:
        writer.put(node, NodeOrigin(at, silent=is_block(node)))
    if isinstance(rest.get("nodes"), list):
        rest["nodes"] = writer.nodes
    if bodies.wired:
        rest["edges"] = writer.edges
    else:
        writer.origins.edges.clear()
    writer.rename(rest, frame)
    problems = bodies.problems + wrong + writer.problems
    return Expansion(rest, writer.origins, problems, bodies.unused, bodies.wired)


class _Size(NamedTuple):
    """How large a graph becomes. bytes_: without what stands before its ids; prefixed: how many
    times that stands there; longest: the longest id, and the place of its node."""

    nodes: int
    names: int
    bytes_: int
    prefixed: int
    longest: tuple[Path, str]

    def over(self) -> str | None:
        """The limit that is passed."""
        for found, most, what in (
            (self.nodes, MAX_NODES, "nodes"),
            (self.names, MAX_EDGES, "names in paths"),
            (self.bytes_, MAX_BYTES, "bytes"),
        ):
            if found > most:
                return f"more than {most:,} {what}"
        return None

    def plus(self, inner: _Size, put: Put) -> _Size:
        """With the copies of what is put in."""
        below = put.below(put.copies)
        at, longest = inner.longest
        return _Size(
            self.nodes + put.copies * inner.nodes,
            self.names + put.copies * inner.names,
            self.bytes_ + put.copies * (inner.bytes_ + inner.prefixed * len(below)),
            self.prefixed + put.copies * inner.prefixed,
            max(self.longest, (at, below + longest), key=lambda found: len(found[1])),
        )


def _own_size(instance: Instance) -> _Size:
    """Of the nodes and edges that a graph has itself."""
    body = instance.body
    arguments = sum(count * instance.args[name].size for name, count in body.uses.items())
    prefixed = len(body.plain) + body.names
    return _Size(len(body.plain), body.names, body.size + arguments, prefixed, body.longest)


class _Tally:
    """How large the plain spec becomes, without building it."""

    def __init__(self) -> None:
        self._sizes: dict[Instance, _Size] = {}

    def within_limits(self, main: Instance, size: int) -> tuple[dict[str, Call], list[Problem]]:
        """The calls of the file's own graph that can be put in, and what is wrong with others."""
        total = _Size(len(main.body.plain), main.body.names, size, 0, ((), ""))
        calls: dict[str, Call] = {}
        problems: list[Problem] = []
        for name, call in main.body.calls.items():
            found = self._with(total, main, name, "")
            if isinstance(found, list):
                problems += found
                continue
            total = found
            if over := total.over():
                text = f"with it the expanded graph has {over}"
                about = f"node {quoted(name)} ({BLOCK})"
                return calls, [*problems, Problem(call.at, text, about, kind="limit")]
            calls[name] = call
        return calls, problems

    def _with(
        self, size: _Size, instance: Instance, name: str, prefix: str
    ) -> _Size | list[Problem]:
        """A graph's size with that of one of its calls."""
        put = instance.settled(name)
        if isinstance(put, list):
            return [replace(p, expanded=prefix + name if prefix else None) for p in put]
        inner = self._of(put.instance, prefix + put.below(put.copies))
        return inner if isinstance(inner, list) else size.plus(inner, put)

    def _of(self, instance: Instance, prefix: str) -> _Size | list[Problem]:
        """The size of a graph, or as much of it as is past the limits.

        Every block holds a node or more, so the walk ends soon after the limits; an id that grows
        too long ends it before Python's stack does.
        """
        known = self._sizes.get(instance)
        size = known or _own_size(instance)
        at, longest = size.longest
        if (length := len(prefix) + len(longest)) > _LONGEST_ID:
            text = f"expanded, its id has {length} characters; at most {_LONGEST_ID} are allowed"
            return [Problem((*at, "id"), text, expanded=prefix + longest)]
        if known:
            return known
        for name in instance.body.calls:
            if size.over():
                return size
            found = self._with(size, instance, name, prefix)
            if isinstance(found, list):
                return found
            size = found
        self._sizes[instance] = size
        return size


class _Writer:
    """The nodes and edges of the plain spec, and where each comes from."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.edges: list[list[str]] = []
        self.origins = Origins()
        self.problems: list[Problem] = []

    def write(self, frame: Frame) -> None:
        """Put in one copy of a graph."""
        body = frame.instance.body
        for at, names, steps in body.segments:
            path = [frame.leaving(names[0]), *(frame.prefix + name for name in names[1:])]
            self.edges.append(path)
            self.origins.edges.append(EdgeOrigin(at, steps, path if frame.prefix else None))
        for at, node in body.nodes:
            call = body.calls.get(node["id"])
            if call is None or call.at != at:
                self._write_node(frame, at, node)
                continue
            if frame.claim is not None and node["id"] == body.output:
                claim = frame.instance.put(node["id"]).claim
                self._check_claim(frame, claim.value if claim else None)
            for copy in frame.copies(node["id"]):
                self.write(copy)

    def put(self, node: Any, origin: NodeOrigin) -> None:
        """One node more."""
        self.nodes.append(node)
        self.origins.nodes.append(origin)

    def _write_node(self, frame: Frame, at: Path, node: dict[str, Any]) -> None:
        found = dict(node)
        given: dict[str, Path] = {}
        body, args = frame.instance.body, frame.instance.args
        if not body.at:
            if isinstance(share := node.get("share"), str):
                found["share"] = self._named(share, frame.shared, frame, (*at, "share"))
            self.put(found, NodeOrigin(at, silent=is_block(node)))
            return
        found["id"] = frame.prefix + node["id"]
        for key, value in node.items():
            if takes_arguments(node, key) and is_reference(value):
                argument = args[value[1:]]
                found[key], given[key] = argument.value, argument.at
        if isinstance(found.get("share"), str):
            found["share"] = frame.shared(found["share"])
        elif frame.twin is not None and _has_parameters(node.get("type")):
            found["share"] = frame.shared(node["id"])
            found.pop("init", None)  # it belongs to the node whose parameters these are
        if frame.claim is not None and node["id"] == body.output:
            self._check_claim(frame, found.get("shape"))
            found["shape"], given["shape"] = frame.claim.value, frame.claim.at
        self.put(found, NodeOrigin(at, given, found["id"]))

    def _check_claim(self, frame: Frame, within: Any) -> None:
        """Two claims about one output must be one."""
        claim, output = frame.claim, frame.prefix + frame.instance.body.output
        if claim is not None and within is not None and within != claim.value:
            text = f"{quoted(claim.value)} is claimed here, {quoted(within)} by its output "
            self.problems.append(Problem(claim.at, f"{text}{quoted(output, 160)}"))

    def _named(self, name: Any, meaning: Callable[[str], str], frame: Frame, at: Path) -> Any:
        """What a name outside of edges stands for."""
        calls = frame.instance.body.calls
        if not isinstance(name, str):
            return name
        if text := inside(name, calls):
            self.problems.append(Problem(at, text))
        return meaning(name) if name in calls else name

    def rename(self, values: dict[str, Any], frame: Frame) -> None:
        """Let what names a Block node name its output node."""

        def on(part: Any, *at: str | int) -> Any:
            if not isinstance(part, dict) or "on" not in part:
                return part
            return {**part, "on": self._named(part["on"], frame.leaving, frame, (*at, "on"))}

        if isinstance(outputs := values.get("outputs"), list):
            calls = frame.instance.body.calls
            values["outputs"] = [
                frame.leaving(name) if isinstance(name, str) and name in calls else name
                for name in outputs
            ]
        if isinstance(labels := values.get("labels"), dict):
            new = {
                name: self._named(name, frame.leaving, frame, ("labels", name)) for name in labels
            }
            values["labels"] = {new[name]: value for name, value in labels.items()}
            self.origins.renamed = {new[name]: name for name in labels}
        if "loss" in values:
            values["loss"] = on(values["loss"], "loss")
        if isinstance(losses := values.get("losses"), list):
            values["losses"] = [on(loss, "losses", i) for i, loss in enumerate(losses)]
        train = values.get("train")
        if isinstance(train, dict) and isinstance(metrics := train.get("metrics"), list):
            found = [on(metric, "train", "metrics", i) for i, metric in enumerate(metrics)]
            values["train"] = {**train, "metrics": found}


def _has_parameters(kind: Any) -> bool:
    """Whether a layer type has anything to share."""
    if not isinstance(kind, str) or kind not in LAYERS:
        return False
    spec = LAYERS[kind].Spec
    return (spec.parameters, spec.states) != (NodeSpec.parameters, NodeSpec.states)
