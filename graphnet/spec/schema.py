"""The JSON Schema of a spec, generated from the declarations, so that an editor completes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic.json_schema import models_json_schema

from graphnet.declaration import FAMILY, NAME, Declaration
from graphnet.initializers import INITIALIZERS
from graphnet.layers.base import LAYERS, NodeSpec
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
from graphnet.spec.examples import PARTS, TYPED, node
from graphnet.spec.families import AUGMENTS, METRICS, SOURCES
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.image import ImageSpec
from graphnet.spec.offers import choice, describe, snippets
from graphnet.spec.recipe import TrainSpec
from graphnet.spec.text import TextSpec

_SAID = ("description", "default", "examples")
"""What is said of an attribute beside what it may be."""


FAMILIES: dict[str, dict[str, type[Declaration]]] = {
    "Node": {**{name: cls.Spec for name, cls in LAYERS.items()}, BLOCK: BlockNode},
    "Initializer": dict(INITIALIZERS),
    "Loss": {name: cls.Spec for name, cls in LOSSES.items()},
    "Optimizer": {name: cls.Spec for name, cls in OPTIMIZERS.items()},
    "Schedule": dict(SCHEDULES),
    "Augment": dict(AUGMENTS),
    "Metric": dict(METRICS),
    "Data": dict(SOURCES),
}
"""Everything that a spec declares by its type, by the family's name in the schema."""
_DOCS: dict[str, Mapping[str, type[Any]]] = {
    "Node": {**LAYERS, BLOCK: BlockNode},
    "Loss": LOSSES,
    "Optimizer": OPTIMIZERS,
}
"""The classes that have the docs, where those are not the declarations themselves."""


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a spec file, with every layer, loss, optimizer and source."""
    nodes = {**{name: node(name) for name in LAYERS}, BLOCK: PARTS[BLOCK]}
    examples: dict[str, dict[str, dict[str, Any]]] = {**TYPED, "Node": nodes}
    graph = models_json_schema([(GraphSpec, "validation")], by_alias=True)[1]["$defs"]
    definitions: dict[str, Any] = {}
    for family, members in FAMILIES.items():
        documented = _DOCS.get(family, members)
        docs = {name: _paragraph(documented[name].__doc__) for name in members}
        for name, declaration in members.items():
            body = declaration.model_json_schema(by_alias=True)
            definitions.update(body.pop("$defs", {}))
            describe(body, declaration, examples[family][name])
            body["description"] = docs[name]
            body["title"] = name
            definitions[f"{family}.{name}"] = body
        definitions[family] = _one_of(family, docs, examples[family])
    parts = (InputSpec, ImageSpec, TrainSpec, NodeSpec, BlockSpec)
    graph |= models_json_schema([(BlockSpec, "validation")], by_alias=True)[1]["$defs"]
    for part in (GraphSpec, *parts):
        describe(graph[part.__name__], part, PARTS[part.__name__])
    for kind in (NumberColumn, CategoryColumn, TextSpec, ClipSpec, EarlyStopping):
        definitions[kind.__name__] = kind.model_json_schema()
        describe(definitions[kind.__name__], kind, PARTS[kind.__name__])
    definitions["Columns"] = {**COLUMNS_IN.json_schema(), "examples": [PARTS["Columns"]]}
    definitions |= _in_blocks(definitions)
    _share(definitions, graph["NodeSpec"])
    _with_blocks(graph["GraphSpec"])
    definitions.update({part.__name__: graph[part.__name__] for part in parts})
    # Pydantic says what names look like, but not that there are no others.
    graph["GraphSpec"]["properties"]["inputs"]["additionalProperties"] = False
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **graph["GraphSpec"],
        "title": "graphnet spec, format 1",
        "$defs": dict(sorted(definitions.items())),
    }
    return cast("dict[str, Any]", _linked(whole))


def _share(definitions: dict[str, Any], common: dict[str, Any]) -> None:
    """Write what all nodes have once, for the others to refer to."""
    for name, body in definitions.items():
        if name.startswith("Node."):
            for key in common["properties"]:
                if key != "type" and body["properties"][key] == common["properties"][key]:
                    body["properties"][key] = {"$ref": f"#/$defs/NodeSpec/properties/{key}"}


def _in_blocks(definitions: dict[str, Any]) -> dict[str, Any]:
    """Each node as it stands inside a block: its attributes may be arguments, its id has no slash.

    The attributes are those of the node outside, by reference.
    """
    found: dict[str, Any] = {
        "Argument": {"type": "string", "pattern": REFERENCE, "title": "an argument of the block"}
    }
    docs, examples = {}, {}
    for name in (*LAYERS, BLOCK):
        outside = definitions[f"Node.{name}"]
        docs[name], examples[name] = outside["description"], outside["examples"][0]
        properties: dict[str, Any] = {}
        for key, of_key in outside["properties"].items():
            link = {"$ref": f"#/$defs/Node.{name}/properties/{key}"}
            properties[key] = link
            if takes_arguments({"type": name}, key):
                # Editors look for what to write beside `anyOf`, not in it.
                said = {k: v for k, v in of_key.items() if k in _SAID}
                properties[key] = {"anyOf": [link, {"$ref": "#/$defs/Argument"}], **said}
        properties["id"] = {**definitions["Node.Block"]["properties"]["id"]}
        if name == BLOCK:
            # Each may be one of the block around.
            said = outside["properties"]["args"]["description"]
            properties["args"] = {**ARGUMENT_NAMES, "description": said}
        found[f"BlockBodyNode.{name}"] = {
            "type": "object",
            "title": f"{name} inside a block",
            "description": outside["description"],
            "examples": outside["examples"],
            "additionalProperties": False,
            "required": outside["required"],
            "properties": properties,
        }
    found["BlockBodyNode"] = _one_of("BlockBodyNode", docs, examples)
    return found


def _with_blocks(graph: dict[str, Any]) -> None:
    """Blocks are put in before the rest is checked: GraphSpec has none."""
    graph["properties"]["blocks"] = {
        "description": "Parts of the graph that are written once, for nodes of type Block.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME, "maxLength": 150},
        "additionalProperties": {"$ref": "#/$defs/BlockSpec"},
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


def _one_of(
    family: str, docs: Mapping[str, str], examples: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Which declaration holds, by the tag: an editor then reports that one's errors alone."""
    tag = "source" if family == "Data" else "type"
    properties: dict[str, Any] = {tag: choice(docs)}
    if "id" in next(iter(examples.values())):
        properties["id"] = {"$ref": "#/$defs/NodeSpec/properties/id"}
    return {
        "type": "object",
        "required": [tag],
        "defaultSnippets": snippets(docs, examples),
        "allOf": [
            # First, so that an editor offers every choice and not the one of the first `if`.
            {"properties": properties},
            *(
                {
                    "if": {"properties": {tag: {"const": name}}, "required": [tag]},
                    "then": {"$ref": f"#/$defs/{family}.{name}"},
                }
                for name in docs
            ),
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
