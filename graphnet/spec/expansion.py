"""The plain spec that a spec with blocks stands for; its size is known before it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphnet.errors import quoted
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.spec.blocks import BLOCK, is_block, is_reference, takes_arguments
from graphnet.spec.bodies import Body, size_of
from graphnet.spec.bodycheck import inside, read_bodies
from graphnet.spec.frames import Frame
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
    tally = _Tally(bodies.main, bodies.blocks, size_of(rest))
    main = replace(bodies.main, calls=tally.calls_within_limits())
    frame = Frame(bodies.blocks, main, sources={name: name for name in main.inputs})
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
    problems = bodies.problems + tally.problems + writer.problems
    return Expansion(rest, writer.origins, problems, bodies.unused, bodies.wired)


class _Tally:
    """How large the plain spec becomes, without building it."""

    def __init__(self, main: Body, blocks: Mapping[str, Body], size: int) -> None:
        self.problems: list[Problem] = []
        self._frame = Frame(blocks, main)
        self._nodes, self._names, self._bytes = len(main.plain), main.names, size

    def calls_within_limits(self) -> dict[str, Any]:
        """The calls of the file's own graph that can be put in."""
        calls = {}
        for name, call in self._frame.body.calls.items():
            before = len(self.problems)
            self._add(self._frame, name, 1)
            if over := self._over():
                text = f"with it the expanded graph has {over}"
                about = f"node {quoted(name)} ({BLOCK})"
                self.problems.append(Problem(call.at, text, about, kind="limit"))
                break
            if len(self.problems) == before:
                calls[name] = call
        return calls

    def _over(self) -> str | None:
        """The limit that is passed."""
        if self._nodes > MAX_NODES:
            return f"more than {MAX_NODES:,} nodes"
        if self._names > MAX_EDGES:
            return f"more than {MAX_EDGES:,} names in paths"
        if self._bytes > MAX_BYTES:
            return f"more than {MAX_BYTES:,} bytes"
        return None

    def _add(self, frame: Frame, name: str, times: int) -> bool:
        """Count what so many copies of a frame get from one of its calls; False: that is enough.

        A block holds a node or more, so the walk ends soon after the limits; an id that grows
        too long ends it before Python's stack does.
        """
        put = frame.settled(frame.body.calls[name])
        if isinstance(put, list):
            self.problems += put
            return False
        inner, body, times = frame.inner(put, put.copies), put.body, times * put.copies
        at, longest = body.longest
        if (length := len(inner.prefix) + len(longest)) > _LONGEST_ID:
            text = f"expanded, its id has {length} characters; at most {_LONGEST_ID} are allowed"
            self.problems.append(Problem((*at, "id"), text, expanded=inner.prefix + longest))
            return False
        prefixes = len(inner.prefix) * (len(body.plain) + body.names)
        arguments = sum(count * put.args[name].size for name, count in body.uses.items())
        self._nodes += times * len(body.plain)
        self._names += times * body.names
        self._bytes += times * (body.size + prefixes + arguments)
        return self._over() is None and all(self._add(inner, name, times) for name in body.calls)


class _Writer:
    """The nodes and edges of the plain spec, and where each comes from."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.edges: list[list[str]] = []
        self.origins = Origins()
        self.problems: list[Problem] = []

    def write(self, frame: Frame) -> None:
        """Put in one copy of a graph."""
        body = frame.body
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
                claim = frame.put(node["id"]).claim
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
        if not frame.body.at:
            if isinstance(share := node.get("share"), str):
                found["share"] = self._named(share, frame.shared, frame, (*at, "share"))
            self.put(found, NodeOrigin(at, silent=is_block(node)))
            return
        found["id"] = frame.prefix + node["id"]
        for key, value in node.items():
            if takes_arguments(node, key) and is_reference(value):
                argument = frame.args[value[1:]]
                found[key], given[key] = argument.value, argument.at
        if isinstance(found.get("share"), str):
            found["share"] = frame.shared(found["share"])
        elif frame.twin is not None and _has_parameters(node.get("type")):
            found["share"] = frame.shared(node["id"])
            found.pop("init", None)  # it belongs to the node whose parameters these are
        if frame.claim is not None and node["id"] == frame.body.output:
            self._check_claim(frame, found.get("shape"))
            found["shape"], given["shape"] = frame.claim.value, frame.claim.at
        self.put(found, NodeOrigin(at, given, found["id"]))

    def _check_claim(self, frame: Frame, within: Any) -> None:
        """Two claims about one output must be one."""
        claim, output = frame.claim, frame.prefix + frame.body.output
        if claim is not None and within is not None and within != claim.value:
            text = f"{quoted(claim.value)} is claimed here, {quoted(within)} by its output "
            self.problems.append(Problem(claim.at, f"{text}{quoted(output, 160)}"))

    def _named(self, name: Any, meaning: Callable[[str], str], frame: Frame, at: Path) -> Any:
        """What a name outside of edges stands for."""
        if not isinstance(name, str):
            return name
        if text := inside(name, frame.body.calls):
            self.problems.append(Problem(at, text))
        return meaning(name) if name in frame.body.calls else name

    def rename(self, values: dict[str, Any], frame: Frame) -> None:
        """Let what names a Block node name its output node."""

        def on(loss: Any, *at: str | int) -> Any:
            if not isinstance(loss, dict) or "on" not in loss:
                return loss
            return {**loss, "on": self._named(loss["on"], frame.leaving, frame, (*at, "on"))}

        if isinstance(outputs := values.get("outputs"), list):
            calls = frame.body.calls
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


def _has_parameters(kind: Any) -> bool:
    """Whether a layer type has anything to share."""
    if not isinstance(kind, str) or kind not in LAYERS:
        return False
    spec = LAYERS[kind].Spec
    return (spec.parameters, spec.states) != (NodeSpec.parameters, NodeSpec.states)
