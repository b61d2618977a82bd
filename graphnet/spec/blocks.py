"""Blocks: a part of a graph that is written once, and put in wherever a node of type Block stands.

What a person writes; `bodies` checks what it says, `expansion` puts it in.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from graphnet.declaration import FAMILY, NAME, Declaration, Name, few
from graphnet.layers.base import NodeSpec
from graphnet.spec.graph import MAX_NODES, EdgePath
from graphnet.spec.problems import below

BLOCK = "Block"
"""The type of a node that stands for a block."""
REFERENCE = r"^\$[A-Za-z_][A-Za-z0-9_]*$"
"""What stands for an argument, as the whole of an attribute inside a block."""

ARGUMENT_NAMES = {"type": "object", "propertyNames": {"pattern": NAME, "maxLength": 150}}
_VALUE = {"not": {"type": "string", "pattern": r"^\$"}}
Arguments = Annotated[
    dict[Name, Any],
    WithJsonSchema({**ARGUMENT_NAMES, "additionalProperties": _VALUE}),
]


class BlockNode(NodeSpec):
    """A block in the place of a node: its nodes get ids such as stage1/conv1.

    What arrives in the node arrives in the block's inputs; what leaves it comes from the block's
    output. Where `outputs`, `labels`, a loss, a metric or `share` name it, they mean its output
    node; a Block node shares with another of the same block, node by node.
    """

    id: Name
    """The node's name, unique among inputs and nodes."""
    type: Literal["Block"]
    """That it stands for a block."""
    share: Name | None = None
    """A Block node of the same block, whose parameters and state this one uses."""
    block: Name
    """The block's name in `blocks`."""
    args: Arguments = Field(default_factory=dict)
    """The block's arguments here; those that are left out are what `blocks` says."""
    repeat: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """How many copies follow each other (stage1/1/conv1, stage1/2/conv1), the output of one going
    into the input of the next. Absent: one, without a number in its ids."""


class _Named(Declaration):
    """What must be right of a node before its arguments are put in."""

    model_config = ConfigDict(extra="ignore")

    id: Name


def is_block(node: Any) -> bool:
    """Whether a node stands for a block."""
    return isinstance(node, dict) and node.get("type") == BLOCK


def is_reference(value: Any) -> bool:
    """Whether a value stands for an argument: `"$channels"`."""
    return isinstance(value, str) and re.fullmatch(REFERENCE, value) is not None


def takes_arguments(node: dict[str, Any], key: str) -> bool:
    """Whether an attribute of a node inside a block may stand for an argument, as a whole."""
    fixed = ("id", "type", "doc")
    return key not in fixed and not (is_block(node) and key in ("block", "args", "share"))


def _body_node(value: Any) -> Any:
    """A node inside a block: its layer checks it once the arguments stand in it."""
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "an object is expected")
    if not is_block(value):
        return _Named.model_validate(value)
    rest = {k: v for k, v in value.items() if not (takes_arguments(value, k) and is_reference(v))}
    return BlockNode.model_validate(rest)


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            raise below(f"'{name}' is given twice: each input has its own name", i)
        seen.add(name)
    return names


BodyNode = Annotated[Any, PlainValidator(_body_node), WithJsonSchema({FAMILY: "BlockBodyNode"})]
Inputs = Annotated[
    tuple[Name, ...],
    Field(strict=False, min_length=1, max_length=1000),
    AfterValidator(_different),
    BeforeValidator(few(1000)),
]


class BlockSpec(Declaration):
    """A part of a graph, for nodes of type Block to put in."""

    doc: str | None = None
    """A comment."""
    args: Arguments = Field(default_factory=dict)
    """Its arguments, each with what it is where a node gives none; null: each node must give it.
    An attribute of a node inside that is "$NAME" as a whole takes the argument NAME."""
    inputs: Inputs
    """The names under which its edges take what arrives in the node, in order."""
    output: Name
    """The node inside that gives what leaves."""
    nodes: Annotated[tuple[BodyNode, ...], Field(strict=False, min_length=1, max_length=MAX_NODES)]
    """Its layers, and further blocks."""
    edges: Annotated[tuple[EdgePath, ...], Field(strict=False, min_length=1)]
    """Paths of names of its inputs and nodes."""
