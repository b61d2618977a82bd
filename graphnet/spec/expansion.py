"""The plain spec that a spec with blocks stands for; its size is known before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from graphnet.errors import quoted
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.spec.blocks import BLOCK, BlockNode, is_block, is_reference, takes_arguments
from graphnet.spec.bodies import Body, Call, read_bodies, size_of
from graphnet.spec.graph import MAX_EDGES, MAX_NODES
from graphnet.spec.mistakes import problems_of
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
    expander = _Expander(bodies.blocks)
    rest = {key: value for key, value in values.items() if key != "blocks"}
    main = expander.within_limits(bodies.main, size_of(rest))
    frame = _Frame(main, "", {}, {name: name for name in main.inputs})
    expander.write(frame)
    for at, node in main.rest:
        expander.put(node, NodeOrigin(at, silent=is_block(node)))
    if isinstance(rest.get("nodes"), list):
        rest["nodes"] = expander.nodes
    if bodies.wired:
        rest["edges"] = expander.edges
    else:
        expander.origins.edges.clear()
    expander.rename(rest, frame)
    problems = bodies.problems + expander.problems
    return Expansion(rest, expander.origins, problems, bodies.unused, bodies.wired)


@dataclass(frozen=True)
class _Argument:
    """A value, and where in the file it is written."""

    at: Path
    value: Any

    @cached_property
    def size(self) -> int:
        """Bytes as JSON."""
        return size_of(self.value)


@dataclass(frozen=True)
class _Frame:
    """One copy of a graph. prefix: how the ids of its nodes begin; sources: what arrives in its
    inputs; claim: what is said of the shape that leaves it; twin: the prefix of the copy whose
    parameters it uses."""

    body: Body
    prefix: str
    args: Mapping[str, _Argument]
    sources: Mapping[str, str] = field(default_factory=dict)
    claim: _Argument | None = None
    twin: str | None = None


@dataclass(frozen=True)
class _Put:
    """A Block node with all that arguments give it, and the arguments of its own block."""

    at: Path
    spec: BlockNode
    body: Body
    args: dict[str, _Argument]
    claim: _Argument | None

    def prefix(self, above: str, copy: int) -> str:
        """How the ids of one copy begin; copies count from 1."""
        numbered = "" if self.spec.repeat is None else f"{copy}/"
        return f"{above}{self.spec.id}/{numbered}"


class _Expander:
    def __init__(self, blocks: Mapping[str, Body]) -> None:
        self._blocks = blocks
        self.problems: list[Problem] = []
        self.nodes: list[Any] = []
        self.edges: list[list[str]] = []
        self.origins = Origins()
        self._counted_nodes = self._counted_names = self._counted_bytes = 0

    def within_limits(self, main: Body, size: int) -> Body:
        """The graph of the file, with only those of its calls that can be put in."""
        self._counted_bytes = size
        self._counted_nodes, self._counted_names = len(main.plain), main.names
        calls = {}
        for node_id, call in main.calls.items():
            before = len(self.problems)
            self._count(_Frame(main, "", {}), call, 1)
            if len(self.problems) == before:
                calls[node_id] = call
            if over := self._over():
                text = f"with it the expanded graph has {over}"
                about = f"node {quoted(node_id)} ({BLOCK})"
                self.problems.append(Problem(call.at, text, about, kind="limit"))
                calls.pop(node_id, None)
                break
        return replace(main, calls=calls)

    def _over(self) -> str | None:
        """Which limit the nodes counted so far are past."""
        if self._counted_nodes > MAX_NODES:
            return f"more than {MAX_NODES:,} nodes"
        if self._counted_names > MAX_EDGES:
            return f"more than {MAX_EDGES:,} names in paths"
        if self._counted_bytes > MAX_BYTES:
            return f"more than {MAX_BYTES:,} bytes"
        return None

    def _count(self, frame: _Frame, call: Call, times: int) -> None:
        """Count what so many copies of a frame get from one of its calls.

        Every visit counts a node or more, so past the limits at the latest the walk ends; an id
        that grows too long ends it before Python's stack does.
        """
        put, problems = self._settled(call, frame)
        self.problems += problems
        if put is None:
            return
        body, copies = put.body, put.spec.repeat or 1
        prefix, times = put.prefix(frame.prefix, copies), times * copies
        at, longest = body.longest
        if len(prefix) + len(longest) > _LONGEST_ID:
            text = f"expanded, its id has {len(prefix) + len(longest)} characters; at most "
            text += f"{_LONGEST_ID} are allowed"
            self.problems.append(Problem((*at, "id"), text, expanded=prefix + longest))
            return
        inside = body.size + len(prefix) * (len(body.plain) + body.names)
        inside += sum(count * put.args[name].size for name, count in body.uses.items())
        self._counted_nodes += times * len(body.plain)
        self._counted_names += times * body.names
        self._counted_bytes += times * inside
        for inner in body.calls.values():
            if self._over() or problems:
                return
            before = len(self.problems)
            self._count(_Frame(body, prefix, put.args), inner, times)
            if len(self.problems) > before:
                return

    def _settled(self, call: Call, frame: _Frame) -> tuple[_Put | None, list[Problem]]:
        """A call with what the arguments of its frame make of it."""
        given = {
            key: frame.args[value[1:]]
            for key, value in call.references.items()
            if not key.startswith("args.")
        }
        spec = call.spec
        if given:
            node = {**call.node, **{key: argument.value for key, argument in given.items()}}
            try:
                spec = BlockNode.model_validate(node)
            except ValidationError as e:
                origin = NodeOrigin(
                    call.at, {k: a.at for k, a in given.items()}, frame.prefix + spec.id
                )
                found = [replace(p, at=("nodes", 0, *p.at)) for p in problems_of(e, node)]
                return None, Origins([origin]).back(found)
        body = self._blocks[spec.block]
        if spec.repeat is not None and spec.repeat > 1 and len(body.inputs) > 1:
            at = given["repeat"].at if "repeat" in given else (*call.at, "repeat")
            text = f"block '{spec.block}' has {len(body.inputs)} inputs: "
            text += "copies that follow each other need a block of one"
            expanded = frame.prefix + spec.id if frame.prefix else None
            return None, [Problem(at, text, expanded=expanded)]
        args = {}
        for name, default in body.args.items():
            if name not in spec.args:
                args[name] = _Argument((*body.at, "args", name), default)
            elif is_reference(value := spec.args[name]):
                args[name] = frame.args[value[1:]]
            else:
                args[name] = _Argument((*call.at, "args", name), value)
        claim = None
        if spec.shape is not None:
            at = given["shape"].at if "shape" in given else (*call.at, "shape")
            claim = _Argument(at, list(spec.shape))
        return _Put(call.at, spec, body, args, claim), []

    def write(self, frame: _Frame) -> None:
        """Put in the nodes and edges of one copy of a graph."""
        body = frame.body
        for at, names, steps in body.segments:
            path = [self._leaving(frame, names[0]), *(frame.prefix + name for name in names[1:])]
            self.edges.append(path)
            self.origins.edges.append(EdgeOrigin(at, steps, path if frame.prefix else None))
        for at, node in body.nodes:
            call = body.calls.get(node["id"])
            if call is None or call.at != at:
                self._write_node(frame, at, node)
            else:
                self._write_call(frame, call)

    def put(self, node: Any, origin: NodeOrigin) -> None:
        """One node more."""
        self.nodes.append(node)
        self.origins.nodes.append(origin)

    def _write_node(self, frame: _Frame, at: Path, node: dict[str, Any]) -> None:
        found, given = dict(node), {}
        if frame.body.at:
            found["id"] = frame.prefix + node["id"]
            for key, value in node.items():
                if takes_arguments(node, key) and is_reference(value):
                    argument = frame.args[value[1:]]
                    found[key], given[key] = argument.value, argument.at
        if isinstance(found.get("share"), str):
            found["share"] = self._leaving(frame, found["share"], shared=True)
        elif frame.twin is not None and _has_parameters(node.get("type")):
            found["share"] = frame.twin + node["id"]
            found.pop("init", None)
        if frame.claim is not None and node["id"] == frame.body.output:
            self._check_claim(frame.claim, found.get("shape"), found["id"])
            found["shape"], given["shape"] = frame.claim.value, frame.claim.at
        silent = not frame.body.at and is_block(node)
        self.put(found, NodeOrigin(at, given, found["id"] if frame.body.at else None, silent))

    def _write_call(self, frame: _Frame, call: Call) -> None:
        put, _ = self._settled(call, frame)
        assert put is not None  # or counting it would have said why
        arriving = frame.body.wiring.sources[call.spec.id]
        sources = {
            port: self._leaving(frame, name)
            for port, name in zip(put.body.inputs, arriving, strict=False)
        }
        twin = frame.twin
        if put.spec.share is not None:
            twin = (frame.prefix if twin is None else twin) + put.spec.share + "/"
        elif twin is not None:
            twin += put.spec.id + "/"
        copies = put.spec.repeat or 1
        for copy in range(1, copies + 1):
            inner = _Frame(put.body, put.prefix(frame.prefix, copy), put.args, sources)
            if twin is not None:
                inner = replace(inner, twin=twin if put.spec.repeat is None else f"{twin}{copy}/")
            if copy == copies:
                inner = replace(inner, claim=self._claim(frame, put))
            self.write(inner)
            sources = {put.body.inputs[0]: self._leaving(inner, put.body.output)}

    def _claim(self, frame: _Frame, put: _Put) -> _Argument | None:
        """What is said of the shape that leaves a call."""
        if frame.claim is None or put.spec.id != frame.body.output:
            return put.claim
        if put.claim is not None:
            self._check_claim(frame.claim, put.claim.value, frame.prefix + put.spec.id)
        return frame.claim

    def _check_claim(self, claim: _Argument, inside: Any, node_id: str) -> None:
        if inside is not None and inside != claim.value:
            text = f"{quoted(claim.value)} is claimed here, {quoted(inside)} by its output "
            self.problems.append(Problem(claim.at, f"{text}{quoted(node_id, 160)}"))

    def _leaving(self, frame: _Frame, name: str, shared: bool = False) -> str:
        """The id of the expanded node that a name of a graph stands for; shared: of that node
        whose parameters are used."""
        if not shared and name in frame.sources:
            return frame.sources[name]
        prefix = frame.twin if shared and frame.twin is not None else frame.prefix
        body = frame.body
        while name in body.calls:
            put, _ = self._settled(body.calls[name], _Frame(body, prefix, frame.args))
            assert put is not None
            prefix, body = put.prefix(prefix, put.spec.repeat or 1), put.body
            frame, name = _Frame(body, prefix, put.args), body.output
        return prefix + name

    def rename(self, values: dict[str, Any], frame: _Frame) -> None:
        """Let what names a Block node name its output node."""
        calls = frame.body.calls

        def renamed(name: Any) -> Any:
            return self._leaving(frame, name) if isinstance(name, str) and name in calls else name

        def on(loss: Any) -> Any:
            if not isinstance(loss, dict) or "on" not in loss:
                return loss
            return {**loss, "on": renamed(loss["on"])}

        if isinstance(outputs := values.get("outputs"), list):
            values["outputs"] = [renamed(name) for name in outputs]
        if isinstance(labels := values.get("labels"), dict):
            values["labels"] = {renamed(name): value for name, value in labels.items()}
            self.origins.renamed = {renamed(name): name for name in labels}
        if "loss" in values:
            values["loss"] = on(values["loss"])
        if isinstance(losses := values.get("losses"), list):
            values["losses"] = [on(loss) for loss in losses]


def _has_parameters(kind: Any) -> bool:
    """Whether a layer type has anything to share."""
    if not isinstance(kind, str) or kind not in LAYERS:
        return False
    spec = LAYERS[kind].Spec
    own = (spec.parameters, spec.states)
    return own != (NodeSpec.parameters, NodeSpec.states)
