"""`--set KEY=VALUE`: one value of a spec, replaced before the spec is checked."""

from __future__ import annotations

import json
import re
from typing import Any

from graphnet.declaration import did_you_mean
from graphnet.errors import SpecError, clipped, quoted
from graphnet.spec.source import parse


def override(values: Any, setting: str) -> None:
    """Replace in plain JSON `values` what `setting` names: `train.epochs=3`.

    KEY is a dotted path; an entry of `nodes` goes by its id (`nodes.affine1.units`), one of
    another list by its number. VALUE is JSON, else text. The last step of KEY may be new (the
    check of the spec decides whether it is allowed there); those before it must exist, but for
    the `args` of a Block node. Nodes of expanded blocks have no place in the file: what changes
    them is set in `blocks`, or as an argument.

    Errors: SpecError.
    """
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise SpecError(clipped(f"{_named(setting)}: KEY=VALUE is expected (train.epochs=3)"))
    steps = key.split(".")
    holder = values
    for i, step in enumerate(steps[:-1]):
        if step == "args" and isinstance(holder, dict) and holder.get("type") == "Block":
            holder.setdefault("args", {})  # absent, they are all the block's own
        holder = holder[_index(holder, step, setting, steps[:i])]
    last = steps[-1]
    if isinstance(holder, dict):
        holder[last] = _parse(text, setting)
    else:
        holder[_index(holder, last, setting, steps[:-1])] = _parse(text, setting)


def _index(holder: Any, step: str, setting: str, above: list[str]) -> Any:
    """The key or number under which `step` stands in `holder`."""
    known: list[str] = []
    if isinstance(holder, dict):
        if step in holder:
            return step
        known = list(holder)
    elif isinstance(holder, list):
        ids = [item.get("id") if isinstance(item, dict) else None for item in holder]
        if step in ids:
            return ids.index(step)
        if re.fullmatch(r"\d{1,9}", step) and int(step) < len(holder):
            return int(step)
        known = [name for name in ids if isinstance(name, str)]
    where = ".".join(above) or "the spec"
    hint = did_you_mean(step, known)
    if (block := step.partition("/")[0]) != step and block in known:
        hint = f"; set an argument of its block (nodes.{block}.args.NAME) or what 'blocks' says"
    raise SpecError(clipped(f"{_named(setting)}: {where} has no {quoted(step)}{hint}"))


def _parse(text: str, setting: str) -> Any:
    try:
        json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text
    return parse(text, _named(setting))  # JSON: held to the same rules as that of a file


def _no_json(literal: str) -> None:
    raise ValueError(literal)


def _named(setting: str) -> str:
    return f"--set {setting if len(setting) <= 120 else setting[:117] + '...'}"
