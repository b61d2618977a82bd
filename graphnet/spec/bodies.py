"""What a spec with blocks says, each of its graphs by itself: that of the file, that of each block.

Nothing is put in yet: names, edges, arguments and circles are checked where they are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from graphnet.declaration import NAME, did_you_mean
from graphnet.errors import quoted
from graphnet.spec.blocks import (
    BLOCK,
    BlockNode,
    BlockSpec,
    is_block,
    is_reference,
    takes_arguments,
)
from graphnet.spec.mistakes import problems_of
from graphnet.spec.problems import Path, Problem
from graphnet.spec.wiring import Outline, Wiring, ordered, wire

_MOST = 1000
"""Problems after which no further block is looked into; ten are shown."""


@dataclass(frozen=True)
class BlockPorts:
    """A node of type Block as the wiring sees it."""

    id: str
    ports: tuple[str, ...]
    type: str = BLOCK
    optional: tuple[str, ...] = ()
    repeats: bool = False

    def takes(self, count: int) -> bool:
        """Whether so many edges may arrive."""
        return count == len(self.ports)

    def ports_for(self, count: int) -> tuple[str, ...]:
        """The names of what comes in."""
        return self.ports


@dataclass(frozen=True)
class Call:
    """A node of type Block, whose attributes may still be those of an argument."""

    at: Path
    node: dict[str, Any]
    spec: BlockNode
    """Without what an argument gives."""

    @cached_property
    def references(self) -> dict[str, str]:
        """What stands for an argument of the body around: attributes, and `args.NAME`."""
        found = {k: v for k, v in self.node.items() if takes_arguments(self.node, k)}
        found |= {f"args.{name}": value for name, value in self.spec.args.items()}
        return {key: value for key, value in found.items() if is_reference(value)}


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


@dataclass
class Bodies:
    """All graphs of a file. wired: whether the edges of the file's own are all understood."""

    main: Body
    blocks: dict[str, Body]
    wired: bool
    problems: list[Problem]
    unused: list[Problem]
    """What no node uses: no mistake of its own where there are others."""


def read_bodies(values: dict[str, Any]) -> Bodies:
    """The graphs of a file, and what is wrong with them.

    A Block node that cannot be put in is no call of its graph: it stays what it is.
    """
    blocks, problems = _blocks(values)
    main, complete, wrong = _main(values)
    problems += wrong
    for body in blocks.values():
        wrong = []
        if body.nodes and len(problems) <= _MOST:
            wrong = [*_references(body), *_calls(body, blocks), *_block_wiring(body, blocks)]
        body.sound = bool(body.nodes) and not wrong and len(problems) <= _MOST
        problems += wrong
    problems += _circle(blocks)
    asked = [*_references(main), *_calls(main, blocks)]
    outputs = values.get("outputs") if _texts(values.get("outputs")) else None
    main.wiring, wrong = wire(_outline(main, blocks, outputs, complete))
    wrong = [_explained(problem, main) for problem in wrong]
    problems += asked + wrong
    unused = [] if problems else list(_unused(main, blocks))
    places = {problem.at[:2] for problem in asked}
    main.calls = {
        node_id: call
        for node_id, call in main.calls.items()
        if call.at not in places and blocks[call.spec.block].sound
    }
    return Bodies(main, blocks, complete and not wrong, problems, unused)


def _blocks(values: dict[str, Any]) -> tuple[dict[str, Body], list[Problem]]:
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
            problems += problems_of(e, values, at) if len(problems) <= _MOST else []
            continue
        body.inputs, body.output, body.args = spec.inputs, spec.output, spec.args
        body.nodes = [((*at, "nodes", i), node) for i, node in enumerate(value["nodes"])]
        body.edges = [((*at, "edges", i), path) for i, path in enumerate(value["edges"])]
        body.sound = True
        for (place, node), checked in zip(body.nodes, spec.nodes, strict=True):
            if isinstance(checked, BlockNode):
                body.calls[checked.id] = Call(place, node, checked)
    return found, problems


def _main(values: dict[str, Any]) -> tuple[Body, bool, list[Problem]]:
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
                problems += problems_of(e, values, at) if len(problems) <= _MOST else []
            else:
                main.calls[spec.id] = Call(at, node, spec)
    main.edges = [
        (("edges", i), path) for i, path in enumerate(edges) if _texts(path) and len(path) > 1
    ]
    complete = lists and 0 < len(main.nodes) == len(nodes) and 0 < len(main.edges) == len(edges)
    outputs = values.get("outputs")
    return main, complete and (outputs is None or _texts(outputs)), problems


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _references(body: Body) -> Iterator[Problem]:
    """What stands for an argument where there is none of that name, or where none is put in."""
    for at, node in body.nodes:
        called = is_block(node)
        if body.at:
            for key, value in node.items():
                if not (called and key == "args"):
                    yield from _reference((*at, key), value, body, takes_arguments(node, key))
        if called and isinstance(node.get("args"), dict):
            for name, value in node["args"].items():
                yield from _reference((*at, "args", name), value, body, bool(body.at))
    if not body.at:
        return
    for name, value in body.args.items():
        yield from _reference((*body.at, "args", name), value, body, False)


def _reference(at: Path, value: Any, body: Body, whole: bool) -> Iterator[Problem]:
    """What is wrong with a value that may hold arguments; whole: where it may be one itself."""
    if isinstance(value, (list, dict)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _reference((*at, step), item, body, False)
    elif not isinstance(value, str) or not value.startswith("$"):
        return
    elif not is_reference(value):
        if at[-1] != "doc":
            text = f"{quoted(value)}: arguments are put in as they are, there are no expressions"
            yield Problem(at, f'{text}; write "$NAME" alone')
    elif not body.at:
        yield Problem(
            at, f"{quoted(value)}: only nodes inside a block have arguments; write a value"
        )
    elif not whole:
        text = f"{quoted(value)}: no argument is put in here, only as the whole of a node's "
        yield Problem(at, f"{text}attribute, and not in 'id', 'type', 'doc' or 'block'")
    elif value[1:] not in body.args:
        hint = did_you_mean(value[1:], body.args)
        hint = hint or f"; it has {', '.join(body.args) or 'none'}"
        yield Problem(at, f"the block has no argument {quoted(value[1:])}{hint}")


def _calls(body: Body, blocks: Mapping[str, Body]) -> Iterator[Problem]:
    """What Block nodes ask of their blocks that these do not have."""
    for call in body.calls.values():
        at, name = call.at, call.spec.block
        if name not in blocks:
            hint = did_you_mean(name, blocks) or f"; there are {', '.join(blocks) or 'none'}"
            yield Problem((*at, "block"), f"block {quoted(name)} is not defined{hint}")
        elif blocks[name].nodes:
            yield from _arguments(call, blocks[name])
        other = call.node.get("share")
        if other is None or not isinstance(other, str) or is_reference(other):
            continue
        place = (*at, "share")
        if other not in body.calls:
            hint = did_you_mean(other, [n for n in body.calls if n != call.spec.id])
            yield Problem(place, f"{quoted(other)} is no Block node to share with{hint}")
        elif other == call.spec.id:
            yield Problem(place, "it cannot share with itself: leave it out")
        elif body.calls[other].spec.share is not None:
            text = f"'{other}' itself shares with another: share with that"
            yield Problem(place, text)
        elif (theirs := body.calls[other].spec.block) != name:
            text = f"block '{name}' is put in here, block '{theirs}' in '{other}': they must be one"
            yield Problem(place, text)
        elif body.calls[other].node.get("repeat") != call.node.get("repeat"):
            yield Problem(place, f"'repeat' must be that of '{other}' to share with it")


def _arguments(call: Call, block: Body) -> Iterator[Problem]:
    """Arguments that the block does not have, and those that it waits for in vain."""
    given, at = call.spec.args, (*call.at, "args")
    missing = [name for name, value in block.args.items() if value is None and name not in given]
    free = [name for name in block.args if name not in given]
    for name in given:
        if name in block.args:
            continue
        hint = did_you_mean(name, free) or f"; it has {', '.join(block.args) or 'none'}"
        meant = next((word for word in missing if f"'{word}'" in hint), None)
        if meant is not None:  # one mistake, not two
            missing.remove(meant)
            hint = f"; did you mean '{meant}', which is missing?"
        text = f"block '{call.spec.block}' has no argument {quoted(name)}{hint}"
        yield Problem((*at, name), text, at_key=True)
    for name in missing:
        yield Problem(at, f"block '{call.spec.block}' needs the argument '{name}': give it here")


def _outline(body: Body, blocks: Mapping[str, Body], outputs: Any, complete: bool) -> Outline[Any]:
    """A graph for the wiring; only the ports of its Block nodes are known."""
    nodes: list[tuple[Path, str, BlockPorts | None]] = []
    for at, node in body.nodes:
        call, ports = body.calls.get(node["id"]), None
        block = blocks.get(call.spec.block) if call is not None and call.at == at else None
        if block is not None and block.inputs:
            ports = BlockPorts(node["id"], block.inputs)
        nodes.append((at, node["id"], ports))
    return Outline(dict.fromkeys(body.inputs), nodes, body.edges, outputs, complete)


def _block_wiring(body: Body, blocks: Mapping[str, Body]) -> list[Problem]:
    """Names and edges of a block; every place is one in the file."""
    if not body.nodes:
        return []
    body.wiring, problems = wire(_outline(body, blocks, [body.output], True))
    found = []
    for problem in problems:
        at = problem.at
        if at[0] == "inputs":
            at = (*body.at, "inputs", body.inputs.index(str(at[1])))
        elif at[0] == "outputs":
            at = (*body.at, "output")
        found.append(replace(_explained(problem, body), at=at))
    for at, node in body.nodes:
        other = node.get("share")
        if is_block(node) or not isinstance(other, str) or is_reference(other):
            continue
        if other not in body.wiring.sources:
            hint = did_you_mean(other, body.wiring.sources)
            text = f"node {quoted(other)} is not defined in the block{hint}"
            found.append(Problem((*at, "share"), text))
    return found


def _explained(problem: Problem, body: Body) -> Problem:
    """A problem of an edge that names what only arguments or expanded specs have."""
    paths = {at: path for at, path in body.edges if at == problem.at[:-1]}
    step = paths[problem.at[:-1]][int(problem.at[-1])] if paths else ""
    node_id = step.partition("/")[0]
    if step.startswith("$"):
        text = f"{quoted(step)}: no argument is put into edges; name an input or a node"
    elif node_id != step and node_id in body.calls:
        text = f"{quoted(step)} is inside '{node_id}', out of which only its output leads: "
        text += f"write '{node_id}'"
    else:
        return problem
    return replace(problem, text=text)


def _circle(blocks: Mapping[str, Body]) -> list[Problem]:
    """Blocks that use each other in a circle; and no block that uses an unsound one is sound."""
    uses = {
        name: tuple(call.spec.block for call in body.calls.values())
        for name, body in blocks.items()
    }
    order, circle = ordered(list(blocks), uses)
    done = set(order)
    for name in (*order, *(name for name in blocks if name not in done)):
        blocks[name].sound &= name in done and all(
            other in blocks and blocks[other].sound for other in uses[name]
        )
    if not circle:
        return []
    # The circle leads from the used to the user; the last of them closes it.
    names = circle[::-1]
    calls = blocks[names[-1]].calls.values()
    at = next(call.at for call in calls if call.spec.block == names[0])
    shown = [*names, names[0]] if len(names) <= 8 else [*names[:7], "...", names[0]]
    text = f"blocks use each other in a circle: {' -> '.join(shown)}; no block can hold itself"
    return [Problem((*at, "block"), text)]


def _unused(main: Body, blocks: Mapping[str, Body]) -> Iterator[Problem]:
    """Blocks that no node puts in, and arguments that no attribute takes."""
    used = {call.spec.block for body in (main, *blocks.values()) for call in body.calls.values()}
    for name, body in blocks.items():
        if name not in used:
            text = f"no node uses block '{name}': use it or leave it out"
            yield Problem(body.at, text, at_key=True)
        taken = {*body.uses, *(v[1:] for c in body.calls.values() for v in c.references.values())}
        for argument in body.args:
            if argument not in taken:
                text = f"no attribute takes '${argument}': use the argument or leave it out"
                yield Problem((*body.at, "args", argument), text, at_key=True)
