"""The graphs of a spec with blocks, each by itself: that of the file, that of each block.

As they are written; `bodycheck` says what is wrong with them, `expansion` puts them together.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from graphnet.declaration import NAME
from graphnet.errors import quoted
from graphnet.spec.blocks import (
    BlockNode,
    BlockSpec,
    is_block,
    is_reference,
    takes_arguments,
)
from graphnet.spec.mistakes import problems_of
from graphnet.spec.problems import Path, Problem
from graphnet.spec.wiring import Wiring

MOST = 30
"""Problems after which nothing further is looked into; ten are shown."""


@dataclass(frozen=True)
class Call:
    """A node of type Block, whose attributes may still be those of an argument."""

    at: Path
    node: dict[str, Any]
    spec: BlockNode
    """Without what an argument gives."""

    @cached_property
    def references(self) -> dict[str, str]:
        """Its attributes that stand for an argument of the block around it."""
        node = self.node
        return {k: v for k, v in node.items() if takes_arguments(node, k) and is_reference(v)}

    @cached_property
    def takes(self) -> set[str]:
        """The arguments of the block around it that it takes or hands on."""
        values = (*self.references.values(), *self.spec.args.values())
        return {value[1:] for value in values if is_reference(value)}


@dataclass
class Body:
    """One graph of a file. nodes, edges: each with its place; calls: its Block nodes, by id;
    rest: what stands among the nodes and is none."""

    at: Path
    inputs: tuple[str, ...]
    nodes: list[tuple[Path, Any]]
    edges: list[tuple[Path, list[str]]]
    output: str = ""
    args: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    wiring: Wiring = field(default_factory=lambda: Wiring((), {}, ()))
    rest: list[tuple[Path, Any]] = field(default_factory=list)
    sound: bool = True

    @cached_property
    def segments(self) -> list[tuple[Path, list[str], list[int]]]:
        """The paths, cut where a Block node stands in them: each place, its names, and which of
        the path's they are. A Block node's name at a start stands for what leaves it."""
        found = []
        for at, path in self.edges:
            names: list[str] = []
            steps: list[int] = []
            for i, step in enumerate(path):
                name = step.partition(".")[0]
                if name not in self.calls:
                    names.append(step)
                    steps.append(i)
                    continue
                if len(names) > 1:
                    found.append((at, names, steps))
                names, steps = [name], [i]
            if len(names) > 1:
                found.append((at, names, steps))
        return found

    @cached_property
    def paths(self) -> dict[Path, list[str]]:
        """The edges by their places."""
        return dict(self.edges)

    @cached_property
    def plain(self) -> list[tuple[Path, dict[str, Any]]]:
        """The nodes that are no Block nodes."""
        called = {call.at for call in self.calls.values()}
        return [(at, node) for at, node in self.nodes if at not in called]

    @cached_property
    def longest(self) -> tuple[Path, str]:
        """The node with the longest id."""
        found = ((at, node["id"]) for at, node in self.nodes)
        return max(found, key=lambda item: len(item[1]))

    @cached_property
    def names(self) -> int:
        """How many names its edges take, once expanded."""
        return sum(len(names) for _, names, _ in self.segments)

    @cached_property
    def size(self) -> int:
        """Bytes of its nodes and edges, without prefixes and arguments."""
        nodes = sum(size_of(node) for _, node in self.plain)
        return nodes + sum(len(name) for _, names, _ in self.segments for name in names)

    @cached_property
    def uses(self) -> dict[str, int]:
        """How many attributes of its plain nodes take each argument."""
        counts: dict[str, int] = {}
        for _, node in self.plain:
            for key, value in node.items():
                if takes_arguments(node, key) and is_reference(value):
                    counts[value[1:]] = counts.get(value[1:], 0) + 1
        return counts


def size_of(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def blocks_of(values: dict[str, Any]) -> tuple[dict[str, Body], list[Problem]]:
    """The bodies of `blocks`, those that are not understood as empty ones."""
    given = values.get("blocks")
    if given is None:
        return {}, []
    if not isinstance(given, dict):
        text = f"an object is expected, found {quoted(given, 60)}"
        return {}, [Problem(("blocks",), text)]
    problems = []
    if not given:
        problems.append(Problem(("blocks",), "it is empty: leave it out"))
    found = {}
    for name, value in given.items():
        at: Path = ("blocks", name)
        body = found[name] = Body(at, (), [], [], sound=False)
        if not re.fullmatch(NAME, name) or len(name) > 150:
            text = f"{quoted(name)} is no name of letters, digits and _, not starting with a digit"
            problems.append(Problem(at, text, at_key=True))
        try:
            spec = BlockSpec.model_validate(value)
        except ValidationError as e:
            problems += problems_of(e, values, at) if len(problems) <= MOST else []
            continue
        body.inputs, body.output, body.args = spec.inputs, spec.output, spec.args
        body.nodes = [((*at, "nodes", i), node) for i, node in enumerate(value["nodes"])]
        body.edges = [((*at, "edges", i), path) for i, path in enumerate(value["edges"])]
        body.sound = True
        for (place, node), checked in zip(body.nodes, spec.nodes, strict=True):
            if isinstance(checked, BlockNode):
                body.calls[checked.id] = Call(place, node, checked)
    return found, problems


def main_of(values: dict[str, Any]) -> tuple[Body, bool, list[Problem]]:
    """The file's own graph as far as it is understood, and whether that is all of it."""
    inputs, nodes, edges = (values.get(key) for key in ("inputs", "nodes", "edges"))
    main = Body((), tuple(inputs) if isinstance(inputs, dict) else (), [], [])
    lists = isinstance(inputs, dict) and isinstance(nodes, list) and isinstance(edges, list)
    nodes, edges = (value if isinstance(value, list) else [] for value in (nodes, edges))
    problems: list[Problem] = []
    for i, node in enumerate(nodes):
        at: Path = ("nodes", i)
        node_id = node.get("id") if isinstance(node, dict) else None
        called = is_block(node)
        if isinstance(node_id, str):
            main.nodes.append((at, node))
            if "/" in node_id and not called:
                text = f"{quoted(node_id)} has a slash, as nodes of expanded blocks have: "
                problems.append(Problem((*at, "id"), f"{text}write a name without one"))
        else:
            main.rest.append((at, node))
        if called:
            try:
                spec = BlockNode.model_validate(node)
            except ValidationError as e:
                problems += problems_of(e, values, at) if len(problems) <= MOST else []
            else:
                main.calls[spec.id] = Call(at, node, spec)
    main.edges = [
        (("edges", i), path) for i, path in enumerate(edges) if are_texts(path) and len(path) > 1
    ]
    complete = lists and 0 < len(main.nodes) == len(nodes) and 0 < len(main.edges) == len(edges)
    outputs = values.get("outputs")
    return main, complete and (outputs is None or are_texts(outputs)), problems


def are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
