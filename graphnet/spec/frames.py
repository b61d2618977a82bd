"""Blocks with their arguments, and the copies of them that an expanded spec has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from graphnet.spec.blocks import BlockNode, is_reference
from graphnet.spec.bodies import Body, Call, size_of
from graphnet.spec.mistakes import problems_of
from graphnet.spec.origin import NodeOrigin, Origins
from graphnet.spec.problems import Path, Problem


@dataclass(frozen=True)
class Argument:
    """A value, and where in the file it is written."""

    at: Path
    value: Any

    @cached_property
    def size(self) -> int:
        """Bytes as JSON."""
        return size_of(self.value)


@dataclass(eq=False)
class Instance:
    """A graph of the file with its arguments: one object for all copies that have the same."""

    body: Body
    blocks: Mapping[str, Body]
    args: Mapping[str, Argument] = field(default_factory=dict)
    known: dict[tuple[Path, ...], Instance] = field(default_factory=dict)
    """Those of the whole file, by the places of body and arguments."""

    def __post_init__(self) -> None:
        self._settled: dict[str, Put | list[Problem]] = {}

    def settled(self, name: str) -> Put | list[Problem]:
        """A call with what the arguments make of it, or what is wrong with that."""
        if name not in self._settled:
            self._settled[name] = self._settle(self.body.calls[name])
        return self._settled[name]

    def put(self, name: str) -> Put:
        """A call that is known to be right."""
        found = self.settled(name)
        assert isinstance(found, Put)
        return found

    @cached_property
    def output(self) -> str:
        """The id of the node whose output leaves, behind the prefix of a copy."""
        return self.leaving(self.body.output)

    def leaving(self, name: str) -> str:
        """The id of the node whose output a node's name stands for, behind the prefix."""
        return self.put(name).output if name in self.body.calls else name

    def _settle(self, call: Call) -> Put | list[Problem]:
        given = {key: self.args[value[1:]] for key, value in call.references.items()}
        places = {key: argument.at for key, argument in given.items()}
        spec = call.spec
        if given:
            node = {**call.node, **{key: argument.value for key, argument in given.items()}}
            try:
                spec = BlockNode.model_validate(node)
            except ValidationError as e:
                found = [replace(p, at=("nodes", 0, *p.at)) for p in problems_of(e, node)]
                return Origins([NodeOrigin(call.at, places)]).back(found)
        body = self.blocks[spec.block]
        if spec.repeat is not None and spec.repeat > 1 and len(body.inputs) > 1:
            text = f"block '{spec.block}' has {len(body.inputs)} inputs: "
            text += "copies that follow each other need a block of one"
            return [Problem(places.get("repeat", (*call.at, "repeat")), text)]
        args = {}
        for name, default in body.args.items():
            if name not in spec.args:
                args[name] = Argument((*body.at, "args", name), default)
            elif is_reference(value := spec.args[name]):
                args[name] = self.args[value[1:]]
            else:
                args[name] = Argument((*call.at, "args", name), value)
        key = (body.at, *(argument.at for argument in args.values()))
        if key not in self.known:
            self.known[key] = Instance(body, self.blocks, args, self.known)
        claim = None
        if spec.shape is not None:
            claim = Argument(places.get("shape", (*call.at, "shape")), list(spec.shape))
        return Put(spec, self.known[key], claim)


@dataclass(frozen=True)
class Put:
    """A Block node with all that arguments give it."""

    spec: BlockNode
    instance: Instance
    claim: Argument | None
    """What it says of the shape of its output."""

    @property
    def copies(self) -> int:
        """How many follow each other."""
        return self.spec.repeat or 1

    def below(self, copy: int, node_id: str | None = None) -> str:
        """How the ids of a copy go on, counted from 1; node_id: that of another such node."""
        numbered = "" if self.spec.repeat is None else f"{copy}/"
        return f"{node_id or self.spec.id}/{numbered}"

    @cached_property
    def output(self) -> str:
        """How the id of the node goes on whose output leaves."""
        return self.below(self.copies) + self.instance.output


@dataclass(frozen=True)
class Frame:
    """One copy. prefix: how the ids of its nodes begin; sources: what arrives in its inputs;
    claim: what is said of the shape that leaves it; twin: the prefix of the copy whose
    parameters it uses."""

    instance: Instance
    prefix: str
    sources: Mapping[str, str]
    claim: Argument | None = None
    twin: str | None = None

    def leaving(self, name: str) -> str:
        """The id of the node whose output a name of this graph stands for."""
        return self.sources.get(name) or self.prefix + self.instance.leaving(name)

    def shared(self, name: str) -> str:
        """The id of the node whose parameters a name of this graph stands for."""
        return (self.twin or self.prefix) + self.instance.leaving(name)

    def copies(self, name: str) -> Iterator[Frame]:
        """The copies that a call puts in, one after the other."""
        put, body = self.instance.put(name), self.instance.body
        arriving = map(self.leaving, body.wiring.sources[name])
        inputs = put.instance.body.inputs
        # Where an edge is missing, some input has no source; nobody reads the edges then.
        sources = dict(zip(inputs, arriving, strict=False))
        for copy in range(1, put.copies + 1):
            twin = None
            if self.twin is not None or put.spec.share is not None:
                twin = (self.twin or self.prefix) + put.below(copy, put.spec.share)
            claim = put.claim if copy == put.copies else None
            if copy == put.copies and name == body.output:
                claim = self.claim or claim
            prefix = self.prefix + put.below(copy)
            yield Frame(put.instance, prefix, sources, claim, twin)
            sources = {inputs[0]: prefix + put.instance.output}
