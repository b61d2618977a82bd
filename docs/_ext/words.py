"""Docstrings and JSON Schema as words of a page."""

import json
import re
from typing import Any

LINKS = {
    "Initializer": "/reference/initializers.md",
    "Loss": "/reference/losses.md",
    "Optimizer": "/reference/optimizers.md",
    "Schedule": "/reference/schedules.md",
    "Augment": "/reference/augmentations.md",
    "Metric": "/reference/metrics.md",
    "Data": "/reference/data.md",
    "Node": "/reference/layers/index.md",
    "InputSpec": "/reference/spec.md#inputs",
    "ImageSpec": "/reference/spec.md#pictures-image",
    "Columns": "/reference/spec.md#tables-columns",
    "TextSpec": "/reference/spec.md#texts-text",
    "TrainSpec": "/reference/spec.md#the-recipe-train",
    "ClipSpec": "/reference/spec.md#limits-of-gradients-clip",
    "EarlyStopping": "/reference/spec.md#stopping-early-early-stopping",
    "BlockSpec": "/reference/spec.md#blocks",
    "BlockBodyNode": "/reference/layers/index.md",
}
"""Where the manual says what a part of the schema is."""
CALLED = {
    "Initializer": "an initializer",
    "Loss": "a loss",
    "Optimizer": "an optimizer",
    "Schedule": "a schedule",
    "Augment": "an augmentation",
    "Metric": "a metric",
    "Data": "a data source",
    "Node": "a node",
    "BlockBodyNode": "a node",
    "InputSpec": "an input",
    "ImageSpec": "an image",
    "Columns": "columns",
    "TextSpec": "a text",
    "TrainSpec": "a recipe",
    "ClipSpec": "a limit",
    "EarlyStopping": "an object",
    "BlockSpec": "a block",
}


def plain(text: str) -> str:
    """Text as Markdown that says just it: nothing in it is emphasis, a link or HTML."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        p if p.startswith("`") else re.sub(r"([\\*_<>\[\]#~|])", r"\\\1", p) for p in parts
    )


def taken(schema: dict[str, Any]) -> str:
    """What a JSON value may be, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{CALLED[name]}]({LINKS[name]})" if name in LINKS else "as an argument"
    if "anyOf" in schema:
        found = list(dict.fromkeys(taken(one) for one in schema["anyOf"]))
        return " or ".join(one for one in found if one)
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return f"{'a whole number' if kind == 'integer' else 'a number'}{_bounds(schema)}"
    if kind == "array":
        return _list(schema)
    if kind == "string":
        pattern = schema.get("pattern", "")
        return f"a text of the form `{pattern.strip('^$')}`" if 0 < len(pattern) < 40 else "a text"
    return {"boolean": "true or false", "object": "an object"}.get(kind or "", "")


def _bounds(schema: dict[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if below is not None and below >= 2**31:
        below = None  # the width of an integer says nothing to a reader
    if low is not None and abs(low) >= 2**31:
        low = None
    if above is not None and abs(above) >= 2**31:
        above = None
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    parts = [
        f"{low:,} or more" if low is not None else "",
        f"above {above:,}" if above is not None else "",
        f"at most {high:,}" if high is not None else "",
        f"below {below:,}" if below is not None else "",
    ]
    said = " and ".join(part for part in parts if part)
    return f", {said}" if said else ""


PLURAL = re.compile(
    r"^(\[?)(?:an? )?(whole number|number|text|list|node|metric|augmentation|object|loss)"
)


def _list(schema: dict[str, Any]) -> str:
    least, most = schema.get("minItems"), schema.get("maxItems")
    inside = schema.get("items") or next(iter(schema.get("prefixItems", [])), {})
    kinds = inside.get("anyOf", [inside]) if inside else []
    of = PLURAL.sub(lambda found: f"{found[1]}{_many(found[2])}", taken(kinds[-1])) if kinds else ""
    if least is not None and least == most:
        count = f"a list of {least}"
    elif most is not None and most <= 10:
        count = f"a list of {least or 0} to {most}"
    else:
        return f"a list of {of}" if of else "a list"
    return f"{count} {of}" if of else count


def _many(word: str) -> str:
    return f"{word}es" if word.endswith("s") else f"{word}s"


def attributes(body: dict[str, Any], skipped: tuple[str, ...] = ()) -> str:
    """The properties of an object as a list of definitions."""
    found = []
    for name, schema in body.get("properties", {}).items():
        if name in skipped:
            continue
        facts = [taken(schema)]
        if name in body.get("required", ()):
            facts.append("**required**")
        elif "default" in schema and schema["default"] not in (None, [], {}):
            facts.append(f"default `{json.dumps(schema['default'])}`")
        said = plain(" ".join(schema.get("description", "").split()))
        shown = "; ".join(fact for fact in facts if fact)
        found.append(f"`{name}` · {shown}\n: {said or 'As everywhere.'}\n")
    return "\n".join(found)


def as_json(value: Any) -> str:
    """A JSON value as a person writes it: short ones on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= 88 or not isinstance(value, dict):
        return line
    inner = [f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()]
    return "{\n" + ",\n".join(inner) + "\n}"
