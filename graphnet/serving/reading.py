"""From the body of a request to the arrays that a network takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphnet.declaration import did_you_mean
from graphnet.errors import DatasetError, ShapeError, clipped, quoted
from graphnet.network import Network
from graphnet.serving.bodies import json_limit, kind_of, read_json, refuse_bools
from graphnet.serving.fields import Cells, Field, Numbers, Pictures, Texts

JSON = "application/json"
PICTURES = ("image/png", "image/jpeg")
LIGHT = 64 * 2**10
"""Bytes, and pixels, of what is read in less time than a thread takes to hand it on."""


class Samples(NamedTuple):
    """Inputs with a batch axis, of `size` samples; alone: it was one without that axis; note:
    what the answer should be read with."""

    inputs: dict[str, Any]
    size: int
    alone: bool
    note: str | None = None


class Reader:
    """Bodies for one network.

    fields: how each input is read. most: samples that one request may ask for. columns: whether an
    object's keys are a table's columns, in place of inputs.

    Errors: BundleError where the network takes nothing that could be sent.
    """

    def __init__(self, net: Network, path: str, most: int) -> None:
        self.net = net
        self.most = most
        self.fields: dict[str, Field] = {}
        for name, given in net.spec.inputs.items():
            kind: type[Field] = Numbers
            if given.image is not None:
                kind = Pictures
            elif given.columns is not None:
                kind = Cells
            elif given.text is not None:
                kind = Texts
            self.fields[name] = kind(net, name, path)
        self.open = [name for name, given in net.spec.inputs.items() if given.value is None]
        kinds = {type(self.fields[name]) for name in self.open}
        self.columns = kinds == {Cells}
        only = self.fields[self.open[0]] if len(self.open) == 1 else None
        self.picture = only if isinstance(only, Pictures) else None
        self.limit = json_limit(sum(field.size for field in self.fields.values()))

    @property
    def media(self) -> tuple[str, ...]:
        """The content types that are taken."""
        return (JSON, *PICTURES) if self.picture is not None else (JSON,)

    def light(self, body: bytes, media: str) -> bool:
        """Whether a body is read in no time: a small file of a small PNG, or short JSON."""
        if len(body) > LIGHT:
            return False
        if media == JSON:
            return b'"' not in body[64:] or self.picture is None
        width, height = int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
        return media == "image/png" and width * height <= LIGHT

    def read(self, body: bytes, media: str) -> Samples:
        """The samples of a body.

        Errors: SpecError, SpecLimitError, ImageError where it cannot be read; ImageTooLargeError;
        DatasetError, ShapeError where it does not fit the network.
        """
        if media != JSON:
            assert self.picture is not None
            return self._picture(self.picture, body)
        value = read_json(body, self.limit)
        if not isinstance(value, dict):
            raise DatasetError(f"body: {self.wanted} is expected, found {kind_of(value)}")
        if b"true" in body or b"false" in body:
            for key in self._keys():
                refuse_bools(value.get(key))
        return self._columns(value) if self.columns else self._inputs(value)

    def read_together(self, bodies: Sequence[bytes]) -> list[Samples | None]:
        """What `read` makes of some PNGs, where decoding them together is quicker; None for others,
        also for what is wrong."""
        field = self.picture
        if field is None:
            return [None] * len(bodies)
        found = field.decoded(bodies)
        good = [one[0] for one in found if one is not None]
        numbers = iter(field.numbers(np.stack(good))) if good else iter(())
        return [
            one and Samples({field.name: next(numbers)[np.newaxis]}, 1, True, one[1])
            for one in found
        ]

    @property
    def wanted(self) -> str:
        """What a JSON body is, in words."""
        what = "columns" if self.columns else "inputs"
        return f"an object with the {what} {_listed(self._keys())}"

    def _keys(self) -> list[str]:
        if not self.columns:
            return list(self.fields)
        return [key for name in self.open for key in self._cells(name).kinds]

    def _cells(self, name: str) -> Cells:
        field = self.fields[name]
        assert isinstance(field, Cells)
        return field

    def _picture(self, field: Pictures, body: bytes) -> Samples:
        pixels, note = field.picture(body, "picture")
        return Samples({field.name: field.numbers(pixels[np.newaxis])}, 1, True, note)

    def _columns(self, value: Mapping[str, Any]) -> Samples:
        unused = [key for name in self.open for key in self._cells(name).unused]
        _check_keys(value, self._keys(), unused, "column")
        found = {}
        counts: dict[str, int | None] = {}
        for name in self.open:
            field = self._cells(name)
            found[name], counts[name] = field.read({key: value[key] for key in field.kinds})
        return self._samples(found, counts)

    def _inputs(self, value: Mapping[str, Any]) -> Samples:
        _check_keys(value, self.open, list(self.fields), "input")
        found = {}
        counts: dict[str, int | None] = {}
        for name, given in value.items():
            found[name], counts[name] = self.fields[name].read(given)
        if not found:  # all inputs have values of their own
            name, declared = next(iter(self.net.spec.inputs.items()))
            array = np.empty((1, *declared.shape), self.fields[name].dtype)
            array[...] = declared.value
            return Samples({name: array}, 1, True)
        return self._samples(found, counts)

    def _samples(self, found: dict[str, Any], counts: Mapping[str, int | None]) -> Samples:
        if len(set(counts.values())) > 1:
            shown = ", ".join(
                f"'{name}' {'one' if count is None else count}" for name, count in counts.items()
            )
            raise ShapeError(clipped(f"inputs must have equally many samples: {shown}"))
        count = next(iter(counts.values()))
        if count is not None and count > self.most:
            what = f"{count:,} samples, but one request may ask for {self.most:,}"
            raise DatasetError(f"body: {what}: send several requests")
        return Samples(found, 1 if count is None else count, count is None)


def _check_keys(value: Mapping[str, Any], needed: list[str], allowed: list[str], kind: str) -> None:
    missing = [key for key in needed if key not in value]
    known = {*needed, *allowed}
    unknown = [key for key in value if key not in known]
    if unknown:
        hint = did_you_mean(unknown[0], missing or needed) or f"; it has {_listed(needed)}"
        raise DatasetError(clipped(f"body: {quoted(unknown[0])} is no {kind} of the model{hint}"))
    if missing:
        raise DatasetError(clipped(f"body: no {kind} {_listed(missing)}"))


def _listed(names: list[str]) -> str:
    return ", ".join(quoted(name, 40) for name in names[:5]) + ", ..." * (len(names) > 5)
