"""Parquet files. Blocks are kept as columns in a form of their own; when all are there they become
row groups. A Parquet file ends with a table of contents, so that none can be gone on with.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.answering.answers import Answers
from graphnet.bulk.blocks import packed, unpacked
from graphnet.bulk.columns import Column, Wish
from graphnet.bulk.forms import Form, Places
from graphnet.errors import GraphnetError

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 2**16
"""Rows of a row group: with columns of a few bytes some megabytes."""
MARK = b"PAR1"


class Parquet(Form):
    """Columns with their types; one without a value is null."""

    suffix = ".parquet"

    def __init__(self, answers: Answers, pictures: bool, wish: Wish) -> None:
        require_pyarrow()
        super().__init__(answers, pictures, wish)

    def rows(
        self, places: Places, good: Sequence[int], found: Mapping[str, Any], said: Mapping[int, str]
    ) -> bytes:
        count = len(places.rows) or len(places.files)
        files = places.files if self.pictures else places.files[:1]
        values = [_sendable(value) for value in self.columns.values(found)] if good else []
        errors = [said.get(i) for i in range(count)]
        return packed([count, list(good), [_text(f) for f in files], places.rows, values, errors])

    def is_own(self, start: bytes) -> bool:
        return start.startswith(MARK)

    def write(self, path: str, blocks: Iterator[bytes]) -> None:
        """All blocks as one file.

        Errors: OSError.
        """
        import pyarrow.parquet as pq

        schema = self._schema()
        options: Any = {"compression": "zstd", "version": "2.6"}
        with pq.ParquetWriter(path, schema, **options) as writer:
            waiting, rows = [], 0
            for block in blocks:
                waiting.append(self._batch(block, schema))
                rows += len(waiting[-1])
                if rows >= GROUP:
                    waiting = self._write(writer, waiting, rows, last=False)
                    rows = sum(map(len, waiting))
            self._write(writer, waiting, rows, last=True)

    def _write(self, writer: Any, batches: list[Any], rows: int, *, last: bool) -> list[Any]:
        """Whole row groups; what is left over, unless these are the last."""
        import pyarrow as pa

        if not rows:
            return []
        table = pa.Table.from_batches(batches)
        done = rows if last else rows // GROUP * GROUP
        writer.write_table(table.slice(0, done), row_group_size=GROUP)
        rest: list[Any] = table.slice(done).to_batches()
        return rest

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        number = pa.float64() if self.columns.dtype == np.float64 else pa.float32()
        types: dict[str, Any] = {
            "text": pa.string(),
            "whole": pa.int32(),
            "number": number,
            "numbers": pa.list_(number),
            "texts": pa.list_(pa.string()),
        }
        places = [(key, pa.int64() if key == "row" else pa.string()) for key in self.where]
        answers = [
            (title_of(column), number if is_single(column) else types[column.kind])
            for column in self.columns.all
        ]
        return pa.schema([*places, *answers, ("error", pa.string())])

    def _batch(self, block: bytes, schema: Any) -> Any:
        import pyarrow as pa

        count, good, files, rows, values, errors = unpacked(block)
        arrays = [pa.array(files if self.pictures else files * count, pa.string())]
        if not self.pictures:
            arrays.append(pa.array(rows, pa.int64()))
        # Where each sample's answer stands among those that are there; null for one without.
        take = None
        if len(good) < count:
            order: list[int | None] = [None] * count
            for at, i in enumerate(good):
                order[i] = at
            take = pa.array(order, pa.int32())
        first = len(arrays)
        for at, column in enumerate(self.columns.all):
            kind = schema.field(first + at).type
            if not good:
                arrays.append(pa.nulls(count, kind))
                continue
            array = _arrow(column, values[at], kind)
            arrays.append(array if take is None else array.take(take))
        arrays.append(pa.array(errors, pa.string()))
        return pa.record_batch(arrays, schema=schema)


def is_single(column: Column) -> bool:
    """Whether a column of numbers holds one a sample."""
    return column.kind == "numbers" and len(column.names) == 1


def title_of(column: Column) -> str:
    """What a column is called."""
    return column._replace(key=column.names[0]).title if is_single(column) else column.title


def require_pyarrow() -> None:
    """Errors: GraphnetError where pyarrow is not installed."""
    # Not imported until rows are joined: it brings threads, and who has some is not forked.
    if importlib.util.find_spec("pyarrow") is None:
        remedy = "python -m pip install pyarrow"
        raise GraphnetError(f"Parquet files are written by pyarrow: {remedy}")


def _sendable(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return [values.dtype.str, values.shape, values.tobytes()]
    return [
        [_text(v) for v in value] if isinstance(value, list) else _text(value) for value in values
    ]


def _text(text: str) -> str:
    """What UTF-8 can hold of a name that may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _arrow(column: Column, value: Any, kind: Any) -> Any:
    import pyarrow as pa

    if column.kind in ("text", "texts"):
        return pa.array(value, kind)
    dtype, shape, data = value
    numbers = np.frombuffer(data, dtype).reshape(shape)
    if is_single(column):
        return pa.array(numbers[:, 0], kind)
    if column.kind == "numbers":
        starts = np.arange(0, numbers.size + 1, shape[1], dtype=np.int32)
        return pa.ListArray.from_arrays(
            pa.array(starts), pa.array(numbers.ravel(), kind.value_type)
        )
    return pa.array(numbers.astype(np.int32) if column.kind == "whole" else numbers, kind)
