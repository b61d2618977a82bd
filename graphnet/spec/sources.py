"""Where training samples come from: what each source of the `data` field says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from graphnet.declaration import Declaration, Name, few
from graphnet.errors import quoted
from graphnet.spec.columns import MAX_COLUMNS, Text
from graphnet.spec.families import SOURCES, Gives
from graphnet.spec.problems import below

Path = Annotated[str, Field(min_length=1, max_length=4096)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _target(value: Any) -> Any:
    """A column, a list of columns, or one of both for each target."""
    if not isinstance(value, Mapping):
        return _target_columns(value)
    if not value:
        raise below("a column for each target is expected, found none")
    return {name: _target_columns(columns, name) for name, columns in value.items()}


def _target_columns(value: Any, *at: str) -> str | tuple[str, ...]:
    if isinstance(value, str):
        if not 1 <= len(value) <= 200:
            raise below("a column's name of 1 to 200 characters is expected", *at)
        return value
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MAX_COLUMNS:
        raise below(f"a column's name or a list of them is expected, found {quoted(value)}", *at)
    for i, name in enumerate(value):
        if not isinstance(name, str) or not 1 <= len(name) <= 200 or name in value[:i]:
            text = f"a column's name, each given once, is expected, found {quoted(name)}"
            raise below(text, *at, i)
    return tuple(value)


def by_name(target: Any) -> dict[str | None, tuple[str, ...]]:
    """The columns of each target, by its name; None where there is one without a name."""
    if target is None:
        return {}
    named = target if isinstance(target, Mapping) else {None: target}
    return {name: (one,) if isinstance(one, str) else tuple(one) for name, one in named.items()}


def _delimiter(value: str) -> str:
    if len(value) != 1 or value in '\r\n" \0':
        raise below(f"one character such as ; or \\t is expected, found {quoted(value)}")
    return value


Unused = Annotated[
    tuple[Text, ...],
    Field(strict=False, max_length=MAX_COLUMNS),
    BeforeValidator(few(MAX_COLUMNS)),
]
Delimiter = Annotated[str, AfterValidator(_delimiter)]


def one_test(test: Any, share: float | None) -> None:
    """Refuse two test parts."""
    if test is not None and share is not None:
        raise below("stands in place of 'test': give one of them", "test_share")


def several(data: Idx | Csv | Npy) -> None:
    """Refuse a name for several files where they are not read as a stream."""
    if data.stream:
        return
    for field, given in data:
        for name, path in given.items() if isinstance(given, Mapping) else ((None, given),):
            if isinstance(path, str) and "*" in path and field != "delimiter":
                what = "'*' names several files, which are read as a stream"
                at = (field,) if name is None else (field, name)
                raise below(f'{what}: write "stream": true beside it', *at)


_ONE = {
    "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}]
}
TargetField = Annotated[
    Any,
    PlainValidator(_target),
    WithJsonSchema({"anyOf": [*_ONE["anyOf"], {"type": "object", "additionalProperties": _ONE}]}),
]


class DataSpec(Declaration):
    """Where the samples come from."""

    gives: ClassVar[Gives] = "pictures"
    """What the samples are, which says what the inputs must declare."""
    picture: ClassVar[tuple[int, int] | None] = None
    """Height and width of the pictures of a source that has only one size."""
    classes: ClassVar[int | None] = None
    """How many classes a source has, where that is known."""

    source: str
    """The kind of source."""


@SOURCES.register
class Digits(DataSpec):
    """1,797 handwritten digits of 8x8 pixels, inside the package."""

    picture: ClassVar[tuple[int, int] | None] = (8, 8)
    classes: ClassVar[int | None] = 10
    source: Literal["digits"]


@SOURCES.register
class Mnist(DataSpec):
    """MNIST: 60,000 + 10,000 handwritten digits of 28x28 pixels."""

    picture: ClassVar[tuple[int, int] | None] = (28, 28)
    classes: ClassVar[int | None] = 10
    source: Literal["mnist"]


@SOURCES.register
class FashionMnist(DataSpec):
    """Fashion-MNIST: 60,000 + 10,000 pictures of clothes of 28x28 pixels."""

    picture: ClassVar[tuple[int, int] | None] = (28, 28)
    classes: ClassVar[int | None] = 10
    source: Literal["fashion_mnist"]


@SOURCES.register
class Idx(DataSpec):
    """Pictures and labels in IDX files, plain or gzip-compressed."""

    source: Literal["idx"]
    train_images: Path
    """Unsigned bytes (N, H, W) or (N, H, W, 3); relative to the spec's folder."""
    train_labels: Path
    """Integers (N,)."""
    test_images: Path | None = None
    """Held-out pictures; absent: no test accuracy is measured."""
    test_labels: Path | None = None
    """The labels of `test_images`."""
    stream: bool = False
    """Whether samples stay in their files until they are asked for: for data larger than memory.
    `*` in a file's name then stands for any characters, and the set is all such files."""

    @model_validator(mode="after")
    def _pairs(self) -> Idx:
        several(self)
        given, absent = "test_images", "test_labels"
        if self.test_images is None:
            given, absent = absent, given
        if getattr(self, given) is not None and getattr(self, absent) is None:
            raise below(f"needs '{absent}' beside it: give both or neither", given)
        return self


@SOURCES.register
class Csv(DataSpec):
    """The rows of a CSV file with a header; the inputs' `columns` say what they become."""

    gives: ClassVar[Gives] = "columns"
    source: Literal["csv"]
    train: Path
    """The training rows; relative to the spec's folder."""
    target: TargetField | None = None
    """The column that is learnt: class names or a number, as the loss takes. A list of columns for
    several numbers; an object by target name for several losses; absent where every target of the
    losses is an input."""
    unused: Unused = ()
    """Columns of the file that are no input and no target."""
    delimiter: Delimiter = ","
    """The character between two cells."""
    test: Path | None = None
    """Held-out rows of the same columns; absent: see `test_share`, else no test accuracy."""
    test_share: Share | None = None
    """The share of the training rows that is held out in place of `test`: always the same rows, of
    each class its share; of a stream, of each stretch of it."""
    stream: bool = False
    """Whether samples stay in their files until they are asked for: for data larger than memory.
    `*` in a file's name then stands for any characters, and the set is all such files."""

    @model_validator(mode="after")
    def _one_test(self) -> Csv:
        one_test(self.test, self.test_share)
        several(self)
        return self

    @property
    def targets(self) -> dict[str | None, tuple[str, ...]]:
        """The columns of each target, by its name; None where there is one without a name."""
        return by_name(self.target)


@SOURCES.register
class Folder(DataSpec):
    """PNG and JPEG files: a class a folder, whose name is the label; or as a table names them."""

    source: Literal["folder"]
    train: Path
    """The folder of the training pictures; relative to the spec's folder."""
    labels: Path | None = None
    """A CSV file with a header that names the pictures, from `train` on, and their labels; absent:
    each folder in `train` holds the pictures of one class."""
    file: Text = "file"
    """In `labels`, the column of the pictures' names."""
    target: TargetField = "label"
    """In `labels`, the column that is learnt: see the source csv."""
    unused: Unused = ()
    """In `labels`, columns that nothing needs."""
    delimiter: Delimiter = ","
    """In `labels`, the character between two cells."""
    test: Path | None = None
    """The folder of held-out pictures; absent: see `test_share`, else no test accuracy."""
    test_labels: Path | None = None
    """As `labels`, for `test`."""
    test_share: Share | None = None
    """The share of the training pictures that is held out in place of `test`: always the same, of
    each class its share."""
    stream: bool = False
    """Whether pictures stay in their files until they are asked for: for more than memory holds."""

    @model_validator(mode="after")
    def _parts(self) -> Folder:
        one_test(self.test, self.test_share)
        if self.labels is None:
            for name in ("file", "target", "unused", "delimiter", "test_labels"):
                if name in self.model_fields_set:
                    raise below("belongs to 'labels', which is not given: leave it out", name)
        elif self.test is not None and self.test_labels is None:
            raise below("needs 'test_labels' beside it, as 'train' has 'labels'", "test")
        elif self.test is None and self.test_labels is not None:
            raise below("needs 'test' beside it", "test_labels")
        return self

    @property
    def targets(self) -> dict[str | None, tuple[str, ...]]:
        """The columns of each target, by its name; None where there is one without a name."""
        return by_name(self.target)


@SOURCES.register
class Npz(DataSpec):
    """Arrays in .npz files, named as the inputs and the losses' targets (`t` if nothing else)."""

    gives: ClassVar[Gives] = "arrays"
    source: Literal["npz"]
    train: Path
    """The training samples, as np.savez writes them; relative to the spec's folder."""
    unused: Unused = ()
    """Arrays of the file that are no input and no target."""
    test: Path | None = None
    """Held-out samples; absent: see `test_share`, else no test accuracy."""
    test_share: Share | None = None
    """The share of the training samples that is held out in place of `test`: always the same, of
    each class its share."""

    @model_validator(mode="after")
    def _one_test(self) -> Npz:
        one_test(self.test, self.test_share)
        return self


Files = Annotated[dict[Name, Path], Field(min_length=1)]


@SOURCES.register
class Npy(DataSpec):
    """Arrays in .npy files, one for each input and each of the losses' targets, by its name."""

    gives: ClassVar[Gives] = "arrays"
    source: Literal["npy"]
    train: Files
    """The files of the training samples, by input or target; relative to the spec's folder."""
    test: Files | None = None
    """The files of held-out samples; absent: see `test_share`, else no test accuracy."""
    test_share: Share | None = None
    """The share of the training samples that is held out in place of `test`: always the same, of
    each class its share; of a stream, of each stretch of it."""
    stream: bool = False
    """Whether samples stay in their files until they are asked for: for data larger than memory.
    `*` in a file's name then stands for any characters, and the set is all such files."""

    @model_validator(mode="after")
    def _one_test(self) -> Npy:
        one_test(self.test, self.test_share)
        several(self)
        return self


@SOURCES.register
class Lines(DataSpec):
    """Lines of text files, for the input that declares `text`."""

    gives: ClassVar[Gives] = "text"
    source: Literal["lines"]
    train: Path
    """The training lines, in UTF-8; relative to the spec's folder."""
    target: Literal["label", "next"]
    """label: a line is LABEL<TAB>TEXT, and the label is learnt (a number, where the loss takes
    one). next: at each position the character or word that follows is learnt, at the last one the
    line's end; an empty input starts a line."""
    joined: bool = False
    """For `next`: all lines are one text, cut into samples that fill every position; otherwise a
    sample is a line."""
    test: Path | None = None
    """Held-out lines; absent: see `test_share`, else no test accuracy."""
    test_share: Share | None = None
    """The share of the training lines that is held out in place of `test`: always the same, of
    each class its share."""

    @model_validator(mode="after")
    def _consistent(self) -> Lines:
        one_test(self.test, self.test_share)
        if self.joined and self.target != "next":
            raise below('belongs to "target": "next": leave it out', "joined")
        return self
