"""What the parts of a spec say of each other: loss, scores, labels, data and inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import ShapeError, quoted
from graphnet.spec.graph import GraphSpec
from graphnet.spec.problems import Path, Problem
from graphnet.spec.wiring import Wiring, label

_FLOAT32 = 3.4028235677973366e38
"""The smallest number that rounds to infinity in float32."""


def check(spec: GraphSpec, wiring: Wiring, shapes: Mapping[str, Shape]) -> list[Problem]:
    """Mistakes that no single field shows."""
    problems = [*_values(spec), *_loss(spec, wiring, shapes), *_labels(spec, wiring, shapes)]
    problems += [*_integers(spec, wiring), *_pictures(spec), *_augmented(spec)]
    if spec.data is not None or any(g.columns or g.text for g in spec.inputs.values()):
        from graphnet.spec import filling

        problems += filling.check(spec, wiring, shapes)
    if (
        not problems
        and spec.train is not None
        and (spec.train.metrics or spec.train.early_stopping)
    ):
        from graphnet.spec import measured  # what few files use

        problems += measured.check(spec, wiring.outputs, shapes)
    # Scores that do not suit the loss or the labels do not suit the data either.
    return problems or list(_data_classes(spec, wiring, shapes))


def _values(spec: GraphSpec) -> Iterator[Problem]:
    if spec.dtype != "float32":
        return
    for name, given in spec.inputs.items():
        largest = _largest(given.value) if given.value is not None else 0.0
        if largest >= _FLOAT32:
            text = f'{largest:g} is too large for float32: lower it, or write "dtype": "float64"'
            yield Problem(("inputs", name, "value"), text)


def _largest(value: Any) -> float:
    return max(map(_largest, value)) if isinstance(value, tuple) else abs(value)


def _integers(spec: GraphSpec, wiring: Wiring) -> Iterator[Problem]:
    """Whole numbers where a port takes none, and the other way round."""
    wrong: set[str] = set()  # a node behind these is wrong for the same reason
    for i, node in enumerate(spec.nodes):
        sources = wiring.sources[node.id]
        for port, source in zip(node.ports_for(len(sources)), sources, strict=True):
            given = spec.inputs.get(source)
            if source in wrong:
                wrong.add(node.id)
                continue
            whole = given is not None and given.dtype is not None
            if whole == (port in node.integers):
                continue
            wrong.add(node.id)
            if whole:
                text = f"input '{source}' holds whole numbers, which port '{port}' does not take: "
                text += "an Embedding makes others of them"
            elif given is not None and (given.image or given.columns):
                text = f"port '{port}' takes whole numbers, as of words; '{source}' holds others: "
                text += "leave the node out"
            elif given is not None:
                text = f"port '{port}' takes whole numbers: give input '{source}' "
                text += '"dtype": "int64"'
            else:
                text = f"port '{port}' takes whole numbers, an input of dtype int64; "
                text += f"'{source}' computes others"
            yield Problem(("nodes", i), text, label(node))


def _loss(spec: GraphSpec, wiring: Wiring, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
    if spec.train is not None and not spec.all_losses:
        text = 'training needs a loss to minimise: add one, "loss": {"type": "SoftmaxWithLoss"}'
        yield Problem(("train",), text)
    if spec.loss is not None and spec.losses is not None:
        yield Problem(("loss",), "give 'loss' or 'losses', not both", at_key=True)
        return
    for i, loss in enumerate(spec.all_losses):
        at: Path = ("loss",) if spec.losses is None else ("losses", i)
        if loss.on is None and len(wiring.outputs) != 1:
            names = ", ".join(f"'{name}'" for name in wiring.outputs)
            text = f"a loss takes one output; the graph has {names}: name one in 'outputs'"
            yield Problem(at, f"{text}, or say which with 'on'")
            continue
        on = loss.on or wiring.outputs[0]
        if on not in wiring.sources:
            what = "is an input: a loss takes a node" if on in spec.inputs else "is not defined"
            hint = "" if on in spec.inputs else did_you_mean(on, wiring.sources)
            yield Problem((*at, "on"), f"node '{on}' {what}{hint}")
            continue
        if loss.target in wiring.sources:
            text = f"'{loss.target}' is a node: a target comes from the data, or is an input"
            yield Problem((*at, "target"), text)
        try:
            loss.check_shape(shapes[on])
        except ShapeError as e:
            yield Problem(at, f"{e}; '{on}' gives {shapes[on]}", kind="shape")


def _classes(shape: Shape) -> int | None:
    """How many classes scores of this shape tell apart; a single score is a binary one."""
    if len(shape) == 1:
        return 2 if shape[0] == 1 else shape[0]
    return 2 if shape == () else None


def _labels(spec: GraphSpec, wiring: Wiring, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
    if spec.labels is None:
        return
    if not isinstance(spec.labels, Mapping):
        if len(wiring.outputs) != 1:
            names = ", ".join(f'"{name}": [...]' for name in wiring.outputs[:3])
            yield Problem(("labels",), f"with several outputs, write one list each: {{{names}}}")
            return
        named: dict[str, tuple[Path, Any]] = {wiring.outputs[0]: (("labels",), spec.labels)}
    else:
        named = {k: (("labels", k), v) for k, v in spec.labels.items()}
    for output, (at, names) in named.items():
        if output not in wiring.outputs:
            hint = did_you_mean(output, wiring.outputs)
            text = f"{quoted(output)} is no output of the graph{hint}"
            yield Problem(at, text, at_key=True)
            continue
        judged = {s.on or wiring.outputs[0] for s in spec.all_losses if s.classifies}
        classes = _classes(shapes[output][-1:] if output in judged else shapes[output])
        if classes is None:
            text = f"'{output}' gives {shapes[output]}: labels name classes, one score each"
            yield Problem(at, text, kind="shape")
        elif classes != len(names):
            text = (
                f"{len(names)} labels, but '{output}' gives {shapes[output]}: {classes} classes; "
            )
            text += "write a label for each, or change the units"
            yield Problem(at, text, kind="shape")


def _pictures(spec: GraphSpec) -> Iterator[Problem]:
    """What keeps the pictures of the data from their input."""
    data = spec.data
    if data is None or data.gives != "pictures":
        return
    fed = [name for name, given in spec.inputs.items() if given.value is None]
    if len(fed) != 1:
        names = ", ".join(f"'{name}'" for name in fed) or "none"
        remedy = "give the others one" if fed else "leave it out of the one that pictures fill"
        text = (
            f"source '{data.source}' fills the one input without a 'value', found {names}: {remedy}"
        )
        yield Problem(("data",), text)
        return
    image = spec.inputs[fed[0]].image
    if image is None:
        size = list(data.picture or (28, 28))
        text = f"source '{data.source}' gives pictures: this input needs an 'image', as in "
        text += f'"image": {{"size": {size}}}'
        yield Problem(("inputs", fed[0]), text)
        return
    if data.picture is not None and image.size != data.picture:
        height, width = data.picture
        text = f"pictures of source '{data.source}' have size [{height}, {width}], not {image.size}"
        yield Problem(("inputs", fed[0], "image", "size"), text.replace("(", "[").replace(")", "]"))
    if data.picture is not None and image.mode != "grey":
        text = f"pictures of source '{data.source}' are grey: write \"grey\""
        yield Problem(("inputs", fed[0], "image", "mode"), text)


def _augmented(spec: GraphSpec) -> Iterator[Problem]:
    """Whether there are pictures to change."""
    if spec.train is None or not spec.train.augment:
        return
    given = spec.inputs.values()
    if not any(one.image is not None and one.value is None for one in given):
        text = "it changes pictures, but no input says 'image': add it to one, or leave this out"
        yield Problem(("train", "augment"), text)


def _data_classes(
    spec: GraphSpec, wiring: Wiring, shapes: Mapping[str, Shape]
) -> Iterator[Problem]:
    data = spec.data
    if data is None or data.classes is None:
        return
    for i, loss in enumerate(spec.all_losses):
        on = loss.on or wiring.outputs[0]
        apart = loss.type != "SoftmaxWithLoss" and shapes[on] not in ((), (1,))
        if apart and loss.target not in spec.inputs:
            at: Path = ("loss", "type") if spec.losses is None else ("losses", i, "type")
            text = f"source '{data.source}' gives the class of each picture, and {loss.type} "
            text += f"wants {shapes[on]} numbers: SoftmaxWithLoss learns classes"
            yield Problem(at, text)
            return
    found = [
        (i, s.on, s.on or wiring.outputs[0]) for i, s in enumerate(spec.all_losses) if s.classifies
    ]
    if not found:
        return
    i, on_given, output = found[0]
    classes = _classes(shapes[output][-1:])
    if classes is not None and classes != data.classes:
        text = (
            f"source '{data.source}' has {data.classes} classes, but '{output}' gives "
            f"{shapes[output]}: one score a class is needed"
        )
        place: Path = ("data", "source")
        if on_given is not None and spec.outputs is not None and on_given not in spec.outputs:
            place = ("loss", "on") if spec.losses is None else ("losses", i, "on")
            text = f"'{output}' is no output, and gives {shapes[output]}: source '{data.source}' "
            text += f"has {data.classes} classes; leave 'on' out, or name an output"
        yield Problem(place, text, kind="shape")
