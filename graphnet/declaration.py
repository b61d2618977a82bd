"""What all pieces of a spec have in common: strict types, no unknown keys, types by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

from graphnet.errors import quoted


class Declaration(BaseModel):
    """A piece of a spec: frozen, strictly typed, unknown keys forbidden."""

    # defer_build: a command builds the validators of the types that its file uses, no others.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        defer_build=True,
        allow_inf_nan=False,
    )


def few(most: int) -> Callable[[Any], Any]:
    """Refuse a list that is too long before each of its entries is an error of its own."""

    def check(value: Any) -> Any:
        if isinstance(value, list) and len(value) > most:
            ctx = {"field_type": "Tuple", "max_length": most, "actual_length": len(value)}
            raise PydanticKnownError("too_long", ctx)
        return value

    return check


T = TypeVar("T")
Shape = tuple[int, ...]
Dim = Annotated[int, Field(ge=1, lt=2**63)]
# JSON has lists alone: a strict tuple would refuse them, so the tuple is lax and its items strict.
ShapeField = Annotated[tuple[Dim, ...], Field(strict=False, max_length=7), BeforeValidator(few(7))]
FAMILY = "x-family"
"""In a field's JSON Schema: the family of declarations that it takes, which `schema` fills in."""
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=150)]
NODE_NAME = r"^([A-Za-z_][A-Za-z0-9_]*/([1-9][0-9]*/)?)*[A-Za-z_][A-Za-z0-9_]*$"
"""A name, or that of a node from a block: `stage1/2/conv1`."""
NodeName = Annotated[str, Field(pattern=NODE_NAME, max_length=150)]


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'Relu'?` where a known word is close, else an empty text."""
    if not isinstance(word, str) or len(word) > 100:
        return ""
    words = tuple(known)
    # One slip may be made in thousands of nodes; a graph's names are not kept.
    return _remembered(word, words) if len(words) < 200 else _close(word, words)


def _close(word: str, words: tuple[str, ...]) -> str:
    import difflib  # for mistakes alone

    letters = word.lower()
    close = [k for k in words if k.lower() == letters]
    close = close or difflib.get_close_matches(word, words, n=1, cutoff=0.65)
    # Multiply, Subtract, Divide, Negative: the known word is how theirs begins.
    close = close or [k for k in words if len(k) > 2 and letters.startswith(k.lower())]
    return f"; did you mean '{close[0]}'?" if close else ""


_remembered = lru_cache(maxsize=256)(_close)


class Registry(Mapping[str, type[T]]):
    """Classes by name, each imported when it is first asked for.

    `modules` maps a module's name to the names that it registers: the one list of what exists.
    """

    def __init__(
        self,
        what: str,
        modules: Mapping[str, tuple[str, ...]],
        name_of: Callable[[type[T]], str] = lambda cls: cls.__name__,
    ) -> None:
        self.what = what
        self._name_of = name_of
        self._modules = {name: module for module, names in modules.items() for name in names}
        self._found: dict[str, type[T]] = {}

    def register(self, cls: type[T]) -> type[T]:
        """Make `cls` known by its name; the class decorator of every family file."""
        name = self._name_of(cls)
        if self._modules.get(name) != cls.__module__:
            raise TypeError(f"{name} has no row for {cls.__module__} in the {self.what}s")
        self._found[name] = cls
        return cls

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> type[T]:
        if name not in self._found:
            # The module's name comes from our own table: nothing in a file can name one.
            importlib.import_module(self._modules[name])
        return self._found[name]


def tagged(
    what: str,
    table: Mapping[str, Any],
    declaration: Callable[[Any], type[Declaration]] = lambda cls: cls,
    tag: str = "type",
) -> Callable[[Any], Declaration]:
    """A validator of objects whose `tag` names the row of `table` that checks the rest."""

    def validate(value: Any) -> Declaration:
        if isinstance(value, Declaration):
            return value
        if not isinstance(value, dict):
            raise PydanticCustomError("dict_type", "an object is expected")
        if tag not in value:
            raise _custom(f"missing attribute '{tag}': it names the {what}, {_choices(table)}")
        name = value[tag]
        if not isinstance(name, str) or name not in table:
            hint = did_you_mean(name, table) or f"; it must be {_choices(table)}"
            raise _custom(f"unknown {what} {quoted(name)}{hint}", tag)
        return declaration(table[name]).model_validate(value)

    return validate


def below(text: str, *steps: str | int) -> PydanticCustomError:
    """A validator's error whose place is so many steps below the value at hand."""
    return PydanticCustomError("below", "{text}", {"text": text, "steps": steps})


def _custom(text: str, key: str | None = None) -> PydanticCustomError:
    """An error whose place is the attribute `key` of the object at hand."""
    return PydanticCustomError("tag", "{text}", {"text": text, "key": key})


def _choices(table: Iterable[str]) -> str:
    names = list(table)
    return names[0] if len(names) == 1 else "one of " + ", ".join(names)
