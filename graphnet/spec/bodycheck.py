"""What a spec with blocks says that cannot be, in each of its graphs by itself.

Nothing is put in yet: names, edges, arguments and circles are checked where they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from graphnet.declaration import did_you_mean
from graphnet.errors import quoted
from graphnet.spec.blocks import BLOCK, is_block, is_reference, takes_arguments
from graphnet.spec.bodies import MOST, Body, Call, are_texts, blocks_of, main_of
from graphnet.spec.problems import Path, Problem
from graphnet.spec.wiring import Outline, ordered, wire


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
    blocks, problems = blocks_of(values)
    main, complete, wrong = main_of(values)
    problems += wrong
    for body in blocks.values():
        wrong = []
        if body.nodes and len(problems) <= MOST:
            wrong = [
                *_few(_references(body)),
                *_few(_calls(body, blocks)),
                *_block_wiring(body, blocks),
                *_few(_shares(body)),
            ]
        body.sound = bool(body.nodes) and not wrong and len(problems) <= MOST
        problems += wrong
    problems += _circle(blocks)
    asked = [*_few(_references(main)), *_few(_calls(main, blocks))]
    outputs = values.get("outputs") if are_texts(values.get("outputs")) else None
    main.wiring, wrong = wire(_outline(main, blocks, outputs, complete))
    wrong = [_explained(problem, main) for problem in wrong]
    problems += asked + wrong
    unused = [] if problems else list(_unused(main, blocks))
    places = {problem.at[:2] for problem in asked}
    main.calls = {
        node_id: call
        for node_id, call in main.calls.items()
        if len(asked) < MOST and call.at not in places and blocks[call.spec.block].sound
    }
    return Bodies(main, blocks, complete and not wrong, problems, unused)


def _few(problems: Iterator[Problem]) -> Iterator[Problem]:
    """The first of them: looking for close names among thousands takes its time."""
    return islice(problems, MOST)


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
    body.wiring, problems = wire(_outline(body, blocks, [body.output], True))
    found = []
    for problem in problems:
        at = problem.at
        if at[0] == "inputs":
            at = (*body.at, "inputs", body.inputs.index(str(at[1])))
        elif at[0] == "outputs":
            at = (*body.at, "output")
        found.append(replace(_explained(problem, body), at=at))
    return found


def _shares(body: Body) -> Iterator[Problem]:
    """Nodes of a block that share with one that it does not have."""
    for at, node in body.nodes:
        other = node.get("share")
        if is_block(node) or not isinstance(other, str) or is_reference(other):
            continue
        if other not in body.wiring.sources:
            hint = did_you_mean(other, body.wiring.sources)
            text = f"node {quoted(other)} is not defined in the block{hint}"
            yield Problem((*at, "share"), text)


def _explained(problem: Problem, body: Body) -> Problem:
    """A problem of an edge that names what only arguments or expanded specs have."""
    path = body.paths.get(problem.at[:-1])
    step = path[int(problem.at[-1])] if path else ""
    if step.startswith("$"):
        text = f"{quoted(step)}: no argument is put into edges; name an input or a node"
        return replace(problem, text=text)
    return replace(problem, text=inside(step, body.calls) or problem.text)


def inside(name: str, calls: Mapping[str, Call]) -> str | None:
    """What is wrong with a name that reaches into a Block node, if it is one."""
    node_id, slash, _ = name.partition("/")
    if not slash or node_id not in calls:
        return None
    return f"{quoted(name)} is inside '{node_id}', which only its output leaves: write '{node_id}'"


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
        taken = set(body.uses).union(*(call.takes for call in body.calls.values()))
        for argument in body.args:
            if argument not in taken:
                text = f"no attribute takes '${argument}': use the argument or leave it out"
                yield Problem((*body.at, "args", argument), text, at_key=True)
