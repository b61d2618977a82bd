"""The JSON Schema of a spec, generated from the declarations, so that an editor completes it."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from graphnet.declaration import FAMILY, NAME, Declaration
from graphnet.initializers import INITIALIZERS
from graphnet.layers.base import LAYERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.schedules import SCHEDULES
from graphnet.spec.blocks import (
    ARGUMENT_NAMES,
    BLOCK,
    REFERENCE,
    BlockNode,
    BlockSpec,
    takes_arguments,
)
from graphnet.spec.clip import ClipSpec
from graphnet.spec.columns import COLUMNS_IN, CategoryColumn, NumberColumn
from graphnet.spec.early import EarlyStopping
from graphnet.spec.families import AUGMENTS, METRICS, SOURCES
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.image import ImageSpec
from graphnet.spec.recipe import TrainSpec
from graphnet.spec.text import TextSpec


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a spec file, with every layer, loss, optimizer and source."""
    families: dict[str, list[tuple[str, type[Declaration], str | None]]] = {
        "Node": [
            *((name, cls.Spec, cls.__doc__) for name, cls in LAYERS.items()),
            (BLOCK, BlockNode, BlockNode.__doc__),
        ],
        "Initializer": [(name, cls, cls.__doc__) for name, cls in INITIALIZERS.items()],
        "Loss": [(name, cls.Spec, cls.__doc__) for name, cls in LOSSES.items()],
        "Optimizer": [(name, cls.Spec, cls.__doc__) for name, cls in OPTIMIZERS.items()],
        "Schedule": [(name, cls, cls.__doc__) for name, cls in SCHEDULES.items()],
        "Augment": [(name, cls, cls.__doc__) for name, cls in AUGMENTS.items()],
        "Metric": [(name, cls, cls.__doc__) for name, cls in METRICS.items()],
        "Data": [(name, cls, cls.__doc__) for name, cls in SOURCES.items()],
    }
    graph = models_json_schema([(GraphSpec, "validation")], by_alias=True)[1]["$defs"]
    definitions: dict[str, Any] = {}
    for family, members in families.items():
        tag = "source" if family == "Data" else "type"
        names = []
        for name, declaration, doc in members:
            body = declaration.model_json_schema(by_alias=True)
            definitions.update(body.pop("$defs", {}))
            _describe(body, declaration)
            body["description"] = _paragraph(doc)
            body["title"] = name
            definitions[f"{family}.{name}"] = body
            names.append(name)
        definitions[family] = _one_of(family, tag, names)
    for part in (GraphSpec, InputSpec, ImageSpec, TrainSpec):
        _describe(graph[part.__name__], part)
    for kind in (NumberColumn, CategoryColumn, TextSpec, ClipSpec, EarlyStopping):
        definitions[kind.__name__] = kind.model_json_schema()
        _describe(definitions[kind.__name__], kind)
    definitions["Columns"] = COLUMNS_IN.json_schema()
    graph |= models_json_schema([(BlockSpec, "validation")], by_alias=True)[1]["$defs"]
    _describe(graph["BlockSpec"], BlockSpec)
    definitions |= _in_blocks(definitions)
    _with_blocks(graph["GraphSpec"])
    definitions.update({name: body for name, body in graph.items() if name != "GraphSpec"})
    # Pydantic says what names look like, but not that there are no others.
    graph["GraphSpec"]["properties"]["inputs"]["additionalProperties"] = False
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **graph["GraphSpec"],
        "title": "graphnet spec, format 1",
        "$defs": dict(sorted(definitions.items())),
    }
    return cast("dict[str, Any]", _linked(whole))


def _in_blocks(definitions: dict[str, Any]) -> dict[str, Any]:
    """Each node as it stands inside a block: its attributes may be arguments, its id has no slash.

    The attributes are those of the node outside, by reference.
    """
    found: dict[str, Any] = {
        "Argument": {
            "type": "string",
            "pattern": REFERENCE,
            "description": "An argument of the block, put in as it is.",
        }
    }
    names = definitions["Node"]["properties"]["type"]["enum"]
    for name in names:
        outside = definitions[f"Node.{name}"]
        properties: dict[str, Any] = {}
        for key in outside["properties"]:
            link = {"$ref": f"#/$defs/Node.{name}/properties/{key}"}
            whole = takes_arguments({"type": name}, key)
            properties[key] = {"anyOf": [link, {"$ref": "#/$defs/Argument"}]} if whole else link
        properties["id"] = {"type": "string", "pattern": NAME, "maxLength": 150}
        if name == BLOCK:
            properties["args"] = ARGUMENT_NAMES  # each may be one of the block around
        found[f"BlockBodyNode.{name}"] = {
            "type": "object",
            "title": f"{name} inside a block",
            "description": outside["description"],
            "additionalProperties": False,
            "required": outside["required"],
            "properties": properties,
        }
    found["BlockBodyNode"] = _one_of("BlockBodyNode", "type", names)
    return found


def _with_blocks(graph: dict[str, Any]) -> None:
    """Blocks are put in before the rest is checked: GraphSpec has none."""
    graph["properties"]["blocks"] = {
        "description": "Parts of the graph that are written once, for nodes of type Block.",
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": NAME, "maxLength": 150},
                "additionalProperties": {"$ref": "#/$defs/BlockSpec"},
            },
            {"type": "null"},
        ],
        "default": None,
    }
    # Only an expanded spec has ids with slashes.
    named = {"properties": {"id": {"pattern": NAME}}}
    graph["dependentSchemas"] = {"blocks": {"properties": {"nodes": {"items": named}}}}


def _linked(value: Any) -> Any:
    """A schema with a reference wherever a field names its family."""
    if isinstance(value, list):
        return [_linked(item) for item in value]
    if not isinstance(value, dict):
        return value
    linked = {key: _linked(item) for key, item in value.items() if key != FAMILY}
    return {"$ref": f"#/$defs/{value[FAMILY]}", **linked} if FAMILY in value else linked


def _describe(body: dict[str, Any], declaration: type[BaseModel]) -> None:
    """Give each property the text that stands under its attribute.

    Pydantic would read them too, from the source of every class at every start: 60 ms.
    """
    docs: dict[str, str] = {}
    for cls in reversed(declaration.__mro__[: declaration.__mro__.index(BaseModel)]):
        statements = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(statements, ast.ClassDef)
        for field, text in pairwise(statements.body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                docs[field.target.id] = inspect.cleandoc(str(text.value.value))
    for name, field_info in declaration.model_fields.items():
        if name in docs:
            body["properties"][field_info.alias or name]["description"] = docs[name]


def _one_of(family: str, tag: str, names: Iterable[str]) -> dict[str, Any]:
    """Which declaration holds, by the tag: an editor then reports that one's errors alone."""
    choices = list(names)
    return {
        "type": "object",
        "required": [tag],
        "properties": {tag: {"enum": choices}},
        "allOf": [
            {
                "if": {"properties": {tag: {"const": name}}, "required": [tag]},
                "then": {"$ref": f"#/$defs/{family}.{name}"},
            }
            for name in choices
        ],
    }


def _paragraph(doc: str | None) -> str:
    return "\n".join(line.strip() for line in (doc or "").strip().splitlines())


def schema_text() -> str:
    """The schema as the text of the file that ships."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    """Write the file that ships, beside this module."""
    Path(__file__).with_name("graphnet.schema.json").write_text(schema_text(), encoding="utf-8")
