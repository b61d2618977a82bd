"""Going on with a run from its checkpoint, as if it had never been left.

All that is random derives from the seed and from epoch, step and sample, so position, arrays and
counts are the whole of a run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphnet.bundle.format import MAX_TRAIN_BYTES, Contents, Tensor
from graphnet.bundle.model import contents_of, history_of, json_object
from graphnet.bundle.reader import read_bundle
from graphnet.errors import (
    BundleError,
    BundleMismatchError,
    InvalidBundleError,
    ResumeMismatchError,
    clipped,
    quoted,
)
from graphnet.layers.base import Array
from graphnet.training.checkpoint import of_best, of_optimizer
from graphnet.training.loop import Trainer

_COUNTS = ("epochs", "epoch", "step")
_KEYS = {"history", *_COUNTS, "loss_sum", "optimizer", "data"}
_BEST = {"epoch": int, "value": float, "mark": float, "waited": int}
_MOST_NAMED = 5


def resume(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Put a new trainer where the run of a checkpoint was.

    The spec, the data and what was fitted to them must be those of that run; `train.epochs` alone
    may be raised, where the schedule does not depend on it.
    Errors: ResumeMismatchError that names what has changed; BundleError for a file that is damaged
    or no checkpoint.
    """
    contents = read_bundle(path)
    try:
        _resume(contents, trainer)
    except (BundleError, ResumeMismatchError) as e:
        raise type(e)(clipped(f"{os.fspath(path)}: {e}")) from None


def _resume(contents: Contents, trainer: Trainer) -> None:
    run = json_object(contents.train, "train", MAX_TRAIN_BYTES)
    if run is None or "step" not in run:
        raise BundleMismatchError("this is a model, not a checkpoint of a run that was stopped")
    changes = [*_changes(contents, trainer), *_data_changes(run, trainer)]
    if changes:
        more = f", and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
        shown = "; ".join(changes[:_MOST_NAMED])
        raise ResumeMismatchError(f"is of another run: {shown}{more}")
    _check_position(run, trainer)
    best = _best(run, trainer)
    _check_tensors(contents.tensors, trainer, best)
    arrays = {name: tensor.array for name, tensor in contents.tensors.items()}
    live = {**trainer.net.params, **trainer.net.state}
    live |= {of_optimizer(name): array for name, array in trainer.optimizer.state.items()}
    for name, array in live.items():
        np.copyto(array, arrays[name])
    place(run, trainer)
    if trainer.best is not None and best is not None:
        kept = {name: arrays[of_best(name)] for name in (*trainer.net.params, *trainer.net.state)}
        trainer.best.resume(best, kept)


def place(run: Mapping[str, Any], trainer: Trainer) -> None:
    """Put the counts of a trainer where those of another one were, as `position_of` told them."""
    trainer.optimizer.steps = run["optimizer"]["steps"]
    trainer.net.history = run["history"]
    trainer.epochs, trainer.position = run["epochs"], (run["epoch"], run["step"])
    trainer.loss_sum = run["loss_sum"]


def _changes(contents: Contents, trainer: Trainer) -> Iterator[str]:
    """What is not as it was in the spec and in what was fitted to the data."""
    now = contents_of(trainer.net)
    before, after = json.loads(contents.spec), json.loads(now.spec)
    schedule = trainer.recipe.schedule
    old = before.get("train", {}).get("epochs")
    if type(old) is int and old < trainer.recipe.epochs and not (schedule and schedule.spans):
        before["train"]["epochs"] = trainer.recipe.epochs
    yield from differences(before, after)
    if contents.prepare != now.prepare:
        yield "what was fitted to the data (labels, statistics of columns, vocabulary) has changed"


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """`train.seed was 0, is 1` for each place in which two specs differ; nodes go by their id."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{place}.{key}" if place else str(key)
            if key not in after:
                now = "is gone" if place == "nodes" else "is at its default"
                yield f"{inner} was {quoted(before[key], 40)}, {now}"
            elif key not in before:
                was = "was not there" if place == "nodes" else "was at its default"
                yield f"{inner} {was}, is {quoted(after[key], 40)}"
            else:
                yield from differences(before[key], after[key], inner)
    elif place == "nodes" and isinstance(before, list) and isinstance(after, list):
        old, new = ({node["id"]: node for node in nodes} for nodes in (before, after))
        yield from differences(old, new, place)
        if old == new and before != after:
            yield "nodes stand in another order"
    elif type(before) is not type(after) or before != after:
        yield f"{place} was {quoted(before, 40)}, is {quoted(after, 40)}"


def _data_changes(run: Mapping[str, Any], trainer: Trainer) -> Iterator[str]:
    before, after = run.get("data"), trainer.fingerprints
    if not isinstance(before, dict):
        raise InvalidBundleError("'train.data': an object is expected")
    for part in dict.fromkeys((*before, *after)):
        if part not in after:
            yield f"the data set had a part {quoted(part)}, has none"
        elif part not in before:
            yield f"the data set had no part '{part}', has one"
        elif before[part] != after[part]:
            yield f"the data of the {part} part have changed"


def _check_position(run: dict[str, Any], trainer: Trainer) -> None:
    """Errors: InvalidBundleError for a position that no run reaches."""
    if not _KEYS <= set(run) <= {*_KEYS, "best"}:
        raise InvalidBundleError("'train' does not say where the run is")
    epochs, epoch, step = counts = [run[name] for name in _COUNTS]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise InvalidBundleError("'train': epochs, epoch and step are whole numbers")
    batches, optimizer, history = trainer.batches, run["optimizer"], run["history"]
    done = epochs == epoch and (step == batches or epoch == step == 0)
    within = epochs == epoch - 1 and 1 <= step <= batches
    steps = (epoch - 1) * batches + step if epoch else 0
    known = isinstance(history, list) and len(history) >= epochs
    if not (done or within) or epoch > trainer.recipe.epochs or not known:
        raise InvalidBundleError(f"'train': no run is at epoch {epoch}, step {step}")
    if optimizer != {"steps": steps} or type(run["loss_sum"]) is not float:
        raise InvalidBundleError(f"'train': the counts are not those of epoch {epoch}, step {step}")
    if history:
        history_of(history)


def _best(run: Mapping[str, Any], trainer: Trainer) -> dict[str, Any] | None:
    """What early stopping had found.

    Errors: InvalidBundleError.
    """
    best = run.get("best")
    if (best is not None) != (trainer.best is not None and run["epochs"] > 0):
        raise InvalidBundleError(
            "'train.best' is there where the run had a best epoch, and only there"
        )
    if best is None:
        return None
    sound = isinstance(best, dict) and set(best) == set(_BEST)
    if not sound or any(type(best[name]) is not kind for name, kind in _BEST.items()):
        raise InvalidBundleError(f"'train.best': an object with {', '.join(_BEST)} is expected")
    if not 1 <= best["epoch"] <= run["epochs"] or not 0 <= best["waited"] <= run["epochs"]:
        raise InvalidBundleError("'train.best': no run has such a best epoch")
    found: dict[str, Any] = best
    return found


def _check_tensors(found: Mapping[str, Tensor], trainer: Trainer, best: Any) -> None:
    """Errors: BundleMismatchError where the arrays are not those of this run."""
    net = trainer.net
    expected: dict[str, tuple[str, Array]] = {n: ("param", a) for n, a in net.params.items()}
    expected |= {n: ("state", a) for n, a in net.state.items()}
    live = dict(expected)
    for name, array in trainer.optimizer.state.items():
        expected[of_optimizer(name)] = ("optimizer", array)
    if best is not None:
        expected |= {of_best(name): ("best", array) for name, (_, array) in live.items()}
    if missing := sorted(set(expected) - set(found)):
        raise BundleMismatchError(f"tensor '{missing[0]}' is missing")
    if extra := sorted(set(found) - set(expected)):
        raise BundleMismatchError(f"tensor '{extra[0]}' belongs to no run of this spec")
    for name, (role, array) in expected.items():
        tensor = found[name]
        if tensor.role != role:
            raise BundleMismatchError(f"tensor '{name}' must have role '{role}'")
        if tensor.array.shape != array.shape or tensor.array.dtype != array.dtype:
            text = f"{tensor.array.dtype} {tensor.array.shape}"
            raise BundleMismatchError(
                f"tensor '{name}' must be {array.dtype} {array.shape}, found {text}"
            )
        if not np.isfinite(tensor.array).all():
            raise BundleMismatchError(f"tensor '{name}' holds NaN or infinity")
