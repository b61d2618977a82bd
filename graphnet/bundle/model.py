"""Network <-> bundle: which texts and tensors a network is, and the way back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphnet.builder import assemble, check_memory, tensors_of
from graphnet.bundle.format import (
    MAX_FILE_BYTES,
    MAX_PREPARE_BYTES,
    MAX_TRAIN_BYTES,
    Contents,
    Tensor,
)
from graphnet.bundle.reader import read_bundle
from graphnet.errors import (
    BundleLimitError,
    BundleMismatchError,
    GraphnetError,
    InvalidBundleError,
    SaveError,
    clipped,
    quoted,
)
from graphnet.network import Network
from graphnet.spec.canonical import canonical_text
from graphnet.spec.reader import Resolved, check_values
from graphnet.spec.source import parse

if TYPE_CHECKING:
    from graphnet.spec.prepared import Prepared

HISTORY = ("epoch", "loss", "train_accuracy", "test_accuracy")
"""What an epoch leaves behind; accuracies may be null. No durations: same run, same bytes."""
MORE_HISTORY = ("validation_loss", "validation_accuracy", "metrics", "best", "norms")
"""What it leaves where it was measured; best: the network that early stopping kept is its; norms:
by layer, that of its weights and of the gradient of the epoch's last step."""


def save(path: str | os.PathLike[str], net: Network, *, limit: int = MAX_FILE_BYTES) -> int:
    """Write a network to one file, whole or not at all; its size in bytes.

    The same network gives the same bytes: no times, hosts or paths are in it.
    Units: limit in bytes of the file.
    Errors: SaveError, also where a number is not finite; BundleLimitError.
    """
    from graphnet.bundle.writer import write_bundle  # a command that only reads does without
    from graphnet.finite import bad_of

    if not isinstance(net, Network):
        raise SaveError(f"save takes a path and a Network, found {quoted(net)} as the network")
    if bad := bad_of(net):
        what = f"{bad}: what it answers would mean nothing, so it is not saved"
        raise SaveError(clipped(f"{os.fspath(path)}: {what}"))
    return write_bundle(path, contents_of(net), limit=limit)


def load(
    path: str | os.PathLike[str],
    *,
    mmap: bool = False,
    verify: bool = False,
    limit: int = MAX_FILE_BYTES,
    memory: int | None = None,
) -> Network:
    """The network in a bundle, with every byte checked.

    mmap: map the file instead of reading it: the parameters are then read-only views of the file
    (truncating the file under them kills the process), and the payloads' checksums are checked
    only with `verify`. memory: what the network and a prediction may take; default, what the
    machine has.
    Units: limit in bytes of the file, memory in bytes.
    Errors: BundleError and its kinds.
    """
    contents = read_bundle(path, mmap=mmap, verify=verify, limit=limit)
    try:
        return network_of(contents, memory=memory)
    except GraphnetError as e:
        raise type(e)(clipped(f"{os.fspath(path)}: {e}")) from None


def contents_of(net: Network) -> Contents:
    """What a bundle of this network holds."""
    tensors = {name: Tensor("param", array) for name, array in net.params.items()}
    tensors |= {name: Tensor("state", array) for name, array in net.state.items()}
    prepare = net.prepare.values() if net.prepare is not None else None
    return Contents(
        spec=canonical_text(net.spec),
        prepare=canonical_json(prepare) if prepare else None,
        train=canonical_json({"history": net.history}) if net.history else None,
        meta=dict(net.meta),
        tensors=tensors,
    )


def network_of(contents: Contents, *, memory: int | None = None) -> Network:
    """The network that contents hold; its arrays are the contents' own.

    Errors: InvalidBundleError where a text is not canonical or the spec is wrong,
    BundleMismatchError where the tensors are not those of the spec, BundleLimitError where it
    needs more memory than there is.
    """
    try:
        graph = check_values(parse(contents.spec, "the spec inside"), "the spec inside")
    except GraphnetError as e:
        raise InvalidBundleError(str(e).split("\n")[0]) from None
    if canonical_text(graph.spec) != contents.spec:
        raise InvalidBundleError("the spec inside is not in its canonical form")
    check_memory(graph, memory, BundleLimitError)
    prepare = json_object(contents.prepare, "prepare", MAX_PREPARE_BYTES)
    train = json_object(contents.train, "train", MAX_TRAIN_BYTES)
    if train is not None and "step" in train:
        raise BundleMismatchError("this is a checkpoint of a run that was stopped, not a model")
    net = assemble(graph, {name: tensor.array for name, tensor in contents.tensors.items()})
    roles = {name: role for name, (role, _) in tensors_of(graph).items()}
    for name, tensor in contents.tensors.items():
        if tensor.role != (role := roles[name]):
            raise BundleMismatchError(f"tensor '{name}' must have role '{role}'")
    if train is not None:
        if set(train) != {"history"}:
            raise InvalidBundleError("'train' must hold 'history' alone: a list of epochs")
        net.history = history_of(train["history"])
    net.prepare = _prepared(prepare, net.graph) if prepare is not None else None
    net.meta = dict(contents.meta)
    return net


def canonical_json(value: Mapping[str, Any]) -> str:
    """The one JSON text of plain values: keys sorted, no spaces."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True
    )


def json_object(text: str | None, what: str, limit: int) -> dict[str, Any] | None:
    """The object in a canonical JSON text of a bundle.

    Errors: InvalidBundleError.
    """
    if text is None:
        return None
    try:
        value = parse(text, f"'{what}'", limit)
    except GraphnetError as e:
        raise InvalidBundleError(str(e)) from None
    if not isinstance(value, dict) or canonical_json(value) != text:
        raise InvalidBundleError(f"'{what}' is no JSON object in its canonical form")
    return value


def _prepared(values: dict[str, Any], graph: Resolved) -> Prepared:
    from graphnet.spec.prepared import prepared_of  # a network that nothing was fitted for: without

    try:
        prepared = prepared_of(
            values, graph.spec, {o: graph.shapes[o] for o in graph.wiring.outputs}
        )
    except GraphnetError as e:
        raise InvalidBundleError(clipped(f"'prepare': {e}")) from None
    if not values or canonical_json(prepared.values()) != canonical_json(values):
        raise InvalidBundleError("'prepare' is not in its canonical form")
    return prepared


def history_of(history: Any) -> list[dict[str, Any]]:
    """What epochs have left behind, as it stands in a bundle.

    Errors: InvalidBundleError.
    """
    if not isinstance(history, list) or not history:
        raise InvalidBundleError("'train.history' must be a list of epochs")
    for i, epoch in enumerate(history):
        if not isinstance(epoch, dict) or not _measured(epoch):
            what = f"an object with {', '.join(HISTORY)} is expected"
            raise InvalidBundleError(f"'train.history[{i}]': {what}")
    return history


def _measured(epoch: dict[str, Any]) -> bool:
    """Whether an epoch has the keys that it must and may have, and numbers under them."""
    if not set(HISTORY) <= set(epoch) <= {*HISTORY, *MORE_HISTORY}:
        return False
    if type(epoch["epoch"]) is not int or type(epoch["loss"]) is not float:
        return False
    accuracies = [epoch[name] for name in ("train_accuracy", "test_accuracy")]
    if "validation_loss" in epoch or "validation_accuracy" in epoch:
        accuracies.append(epoch.get("validation_accuracy", ""))
        if type(epoch.get("validation_loss")) is not float:
            return False
    if not all(number is None or type(number) is float for number in accuracies):
        return False
    metrics = epoch.get("metrics", {"": 0.0})
    if not isinstance(metrics, dict) or not metrics:
        return False
    norms = epoch.get("norms", {"": [0.0, 0.0]})
    if not isinstance(norms, dict) or not norms:
        return False
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in norms.values()):
        return False
    numbers = [*metrics.values(), *(number for pair in norms.values() for number in pair)]
    sound = all(type(number) is float for number in numbers)
    return sound and epoch.get("best", True) is True
