"""What to write in place of a layer type that is none. Imported for wrong specs alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnet.declaration import did_you_mean
from graphnet.errors import quoted
from graphnet.layers.base import LAYERS
from graphnet.losses import LOSSES
from graphnet.spec.blocks import BLOCK
from graphnet.spec.othernames import NO_LAYERS, OTHER_NAMES
from graphnet.spec.remedies import as_json

# All of them would be cut off, and nobody would read them.
WANTED = (
    f"it names one of the {len(LAYERS)} kinds of layer, as Affine, Conv2D, MaxPool2D, Relu, "
    "Dropout, Flatten, Lstm or Add; the manual lists all"
)
_MOST_COMPARED = 100


def unknown(name: Any, blocks: Sequence[str]) -> str:
    """What a node's type is that is no layer, and what was meant; blocks: the file's own."""
    if name in blocks:
        return f"{quoted(name)} is a block, and no layer type: write {as_block(name)}"
    text, letters = f"unknown layer type {quoted(name)}", str(name).lower()
    if letters in NO_LAYERS:
        return f"{text}: {NO_LAYERS[letters]}"
    if letters in OTHER_NAMES:
        return f"{text}: it is called '{OTHER_NAMES[letters]}' here"
    close = did_you_mean(name, [*LAYERS, *LOSSES, BLOCK])
    loss = next((k for k in LOSSES if k in close), None)
    if loss is not None:
        what = f"{text}: a loss is no node; leave this one out and write "
        return f'{what}"loss": {as_json({"type": loss})} beside "nodes"'
    # Beside the losses, a layer's name may not have been the closest.
    close = close if f"'{BLOCK}'" in close else did_you_mean(name, LAYERS)
    if close:
        return f"{text}{close}"
    # Looking for a close name among thousands takes its time.
    close = did_you_mean(name, blocks[:_MOST_COMPARED])
    block = next((block for block in blocks if f"'{block}'" in close), None)
    if block is not None:
        return f"{text}; did you mean the block? write {as_block(block)}"
    return f"{text}: {WANTED}"


def as_block(name: Any) -> str:
    """The attributes of a node that stands for a block."""
    return f'"type": "{BLOCK}", "block": {as_json(name)}'
