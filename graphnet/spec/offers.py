"""What the schema tells an editor beside what is right: docs, defaults, examples, whole pieces.

`enumDescriptions` and `defaultSnippets` are no words of JSON Schema: editors built on VS Code's
JSON service read them, other readers pass over them.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from graphnet.declaration import Declaration
from graphnet.spec.canonical import plain
from graphnet.spec.examples import ATTRIBUTES


def describe(
    body: dict[str, Any], declaration: type[BaseModel], example: Mapping[str, Any]
) -> dict[str, Any]:
    """The schema of a declaration, with each attribute's doc, default and examples in it.

    The docs are the texts under the attributes. Pydantic would read them too, from the source of
    every class at every start: 60 ms.
    """
    body.pop("title", None)
    body["examples"] = [dict(example)]
    docs = _docs(declaration)
    for name, field in declaration.model_fields.items():
        key = field.alias or name
        of_key = body["properties"][key] = _without_null(body["properties"][key])
        # Pydantic makes it from the name: an editor would say everything twice.
        of_key.pop("title", None)
        of_key.pop("default", None)
        default = field.get_default(call_default_factory=True)
        if default is not PydanticUndefined and default is not None:
            of_key["default"] = _shown(default)
        if name in docs:
            of_key["description"] = docs[name]
        elif "const" in of_key:
            of_key["description"] = "Which of its kind it is."
        examples = _examples(key, declaration, example)
        examples = [one for one in examples if one != of_key.get("default")]
        if examples and "const" not in of_key and "enum" not in of_key:
            of_key["examples"] = examples
    return body


def _without_null(body: dict[str, Any]) -> dict[str, Any]:
    """The schema of an attribute that is left out where it is not wanted.

    The reader takes null for that; an editor that did would offer it everywhere.
    """
    kinds = [kind for kind in body.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in body.items() if key != "anyOf"}
    if len(kinds) == 1:
        return {**rest, **kinds[0]}
    return {**rest, "anyOf": kinds} if kinds else rest


def _docs(declaration: type[BaseModel]) -> dict[str, str]:
    docs: dict[str, str] = {}
    for cls in reversed(declaration.__mro__[: declaration.__mro__.index(BaseModel)]):
        statements = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(statements, ast.ClassDef)
        for field, text in pairwise(statements.body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                docs[field.target.id] = inspect.cleandoc(str(text.value.value))
    return docs


def _shown(default: Any) -> Any:
    """A default as a person would write it: the type first, without further defaults."""
    values = plain(default)
    if isinstance(default, Declaration) and "type" in values:
        return {"type": values["type"], **values}
    return values


def _examples(key: str, declaration: type[BaseModel], example: Mapping[str, Any]) -> list[Any]:
    """Values of an attribute: those that its declaration takes of what is said of the name."""
    if key not in ATTRIBUTES or "id" not in example:
        value = example.get(key, {})
        parts = isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))
        return [] if parts else [value]  # of parts the editor offers those of their own
    found = []
    for value in ATTRIBUTES[key]:
        try:
            declaration.model_validate({**example, key: value})
        except ValidationError:
            continue
        found.append(value)
    return found


def choice(docs: Mapping[str, str]) -> dict[str, Any]:
    """A tag whose values an editor offers, each with the first sentence of its doc."""
    heads = [doc.split("\n")[0] for doc in docs.values()]
    return {"enum": list(docs), "enumDescriptions": heads}


def snippets(docs: Mapping[str, str], examples: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Whole declarations on one line, with stops at what is to be filled in."""
    return [
        {"label": name, "description": doc.split("\n")[0], "bodyText": _snippet(examples[name])}
        for name, doc in docs.items()
    ]


def _snippet(example: Mapping[str, Any]) -> str:
    parts, stop = [], 0
    for key, value in example.items():
        text = json.dumps(value, ensure_ascii=False).replace("$", r"\$")
        if key not in ("type", "source") and not isinstance(value, (dict, list)):
            stop += 1
            text = f"${{{stop}:{text}}}"
            if isinstance(value, str):
                text = f'"${{{stop}:{value}}}"'
        parts.append(f'"{key}": {text}')
    return "{" + ", ".join(parts) + "}"
