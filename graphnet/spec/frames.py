"""One copy of a block: what its arguments make of the nodes in it, and what leaves it."""

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


@dataclass(frozen=True)
class Put:
    """A Block node with all that arguments give it, and the arguments of its own block."""

    spec: BlockNode
    body: Body
    args: Mapping[str, Argument]
    claim: Argument | None
    """What it says of the shape of its output."""

    @property
    def copies(self) -> int:
        """How many follow each other."""
        return self.spec.repeat or 1

    def below(self, prefix: str, copy: int, node_id: str | None = None) -> str:
        """How the ids of a copy begin, counted from 1; node_id: that of another such node."""
        numbered = "" if self.spec.repeat is None else f"{copy}/"
        return f"{prefix}{node_id or self.spec.id}/{numbered}"


@dataclass(frozen=True)
class Frame:
    """One copy of a graph. prefix: how the ids of its nodes begin; sources: what arrives in its
    inputs; claim: what is said of the shape that leaves it; twin: the prefix of the copy whose
    parameters it uses."""

    blocks: Mapping[str, Body]
    body: Body
    prefix: str = ""
    args: Mapping[str, Argument] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    claim: Argument | None = None
    twin: str | None = None

    def inner(self, put: Put, copy: int) -> Frame:
        """A copy of what is put in here, without what arrives there."""
        return Frame(self.blocks, put.body, put.below(self.prefix, copy), put.args)

    def settled(self, call: Call) -> Put | list[Problem]:
        """A call with what the arguments make of it, or what is wrong with that."""
        given = {key: self.args[value[1:]] for key, value in call.references.items()}
        places = {key: argument.at for key, argument in given.items()}
        expanded = self.prefix + call.spec.id if self.prefix else None
        spec = call.spec
        if given:
            node = {**call.node, **{key: argument.value for key, argument in given.items()}}
            try:
                spec = BlockNode.model_validate(node)
            except ValidationError as e:
                origins = Origins([NodeOrigin(call.at, places, expanded)])
                found = [replace(p, at=("nodes", 0, *p.at)) for p in problems_of(e, node)]
                return origins.back(found)
        body = self.blocks[spec.block]
        if spec.repeat is not None and spec.repeat > 1 and len(body.inputs) > 1:
            text = f"block '{spec.block}' has {len(body.inputs)} inputs: "
            text += "copies that follow each other need a block of one"
            at = places.get("repeat", (*call.at, "repeat"))
            return [Problem(at, text, expanded=expanded)]
        args = {}
        for name, default in body.args.items():
            if name not in spec.args:
                args[name] = Argument((*body.at, "args", name), default)
            elif is_reference(value := spec.args[name]):
                args[name] = self.args[value[1:]]
            else:
                args[name] = Argument((*call.at, "args", name), value)
        claim = None
        if spec.shape is not None:
            claim = Argument(places.get("shape", (*call.at, "shape")), list(spec.shape))
        return Put(spec, body, args, claim)

    def put(self, name: str) -> Put:
        """The call of that name, which is settled."""
        found = self.settled(self.body.calls[name])
        assert isinstance(found, Put)  # or counting it would have said why
        return found

    def leaving(self, name: str) -> str:
        """The id of the node whose output a name of this graph stands for."""
        if name in self.sources:
            return self.sources[name]
        frame = self
        while name in frame.body.calls:
            put = frame.put(name)
            frame, name = frame.inner(put, put.copies), put.body.output
        return frame.prefix + name

    def shared(self, name: str) -> str:
        """The id of the node whose parameters a name of this graph stands for."""
        prefix = self.prefix if self.twin is None else self.twin
        return replace(self, prefix=prefix, sources={}).leaving(name)

    def copies(self, name: str) -> Iterator[Frame]:
        """The copies that a call of that name puts in, one after the other."""
        put = self.put(name)
        arriving = map(self.leaving, self.body.wiring.sources[name])
        # Where an edge is missing, some input has no source; nobody reads the edges then.
        sources = dict(zip(put.body.inputs, arriving, strict=False))
        for copy in range(1, put.copies + 1):
            inner = replace(self.inner(put, copy), sources=sources, twin=self._twin(put, copy))
            if copy == put.copies:
                is_output = self.claim is not None and name == self.body.output
                inner = replace(inner, claim=self.claim if is_output else put.claim)
            yield inner
            sources = {put.body.inputs[0]: inner.leaving(put.body.output)}

    def _twin(self, put: Put, copy: int) -> str | None:
        """The prefix of the copy whose parameters a copy uses."""
        above = self.prefix if self.twin is None else self.twin
        if put.spec.share is not None:
            return put.below(above, copy, put.spec.share)
        return None if self.twin is None else put.below(above, copy)
