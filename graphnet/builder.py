"""GraphSpec -> Network: shapes first, then arrays, then layers around them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphnet.errors import (
    BundleLimitError,
    BundleMismatchError,
    SpecError,
    SpecLimitError,
    clipped,
    quoted,
)
from graphnet.layers.base import Array, Parameter
from graphnet.memory import LITTLE, require
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.spec.graph import GraphSpec
from graphnet.spec.reader import Resolved, resolve
from graphnet.workspace import flat_views


def build(
    spec: GraphSpec,
    seed: int | None = None,
    dtype: str | None = None,
    *,
    memory: int | None = None,
) -> Network:
    """A network with fresh parameters.

    seed: default, that of the spec's recipe, else 0. dtype: "float32" or "float64" in place of
    the spec's; `net.spec` then says so. memory: what its parameters and a prediction may take;
    default, what the machine has.

    Units: memory in bytes.
    Errors: SpecError, ShapeError, SpecLimitError.
    """
    if not isinstance(spec, GraphSpec):
        raise SpecError(
            f"build takes a GraphSpec, found {quoted(spec)}: gn.read_spec(path) gives one"
        )
    if dtype is not None:
        if dtype not in ("float32", "float64"):
            raise SpecError(f"dtype must be 'float32' or 'float64', found {dtype!r}")
        spec = spec.model_copy(update={"dtype": dtype})
    graph = resolve(spec)
    check_memory(graph, memory)
    if seed is None:
        seed = spec.train.seed if spec.train else 0
    try:
        flat, arrays = _fresh(graph, seed)
        return assemble(graph, arrays, flat)
    except MemoryError:
        raise SpecLimitError(clipped(f"{spec.name}: not enough memory for the weights")) from None


def check_memory(
    graph: Resolved,
    memory: int | None = None,
    error: type[SpecLimitError] | type[BundleLimitError] = SpecLimitError,
) -> None:
    """Whether a network and what it computes of one sample fit into memory.

    Errors: `error`.
    """
    # The plan itself takes a moment, which a network does without that is small in any case.
    if graph.nbytes > (LITTLE if memory is None else memory):
        need = Plan(graph).network_bytes()
        require(need, f"{graph.spec.name}: to compute one sample", memory, error=error)


def tensors_of(graph: Resolved) -> dict[str, tuple[str, Parameter]]:
    """The arrays that a spec derives: `node/name` -> (param or state, shape and start)."""
    found = {}
    for node_id in graph.wiring.order:
        node = graph.nodes[node_id]
        if node.share is None:
            arriving = graph.arriving(node_id)
            for name, parameter in node.parameters(*arriving).items():
                found[f"{node_id}/{name}"] = ("param", parameter)
            for name, parameter in node.states(*arriving).items():
                found[f"{node_id}/{name}"] = ("state", parameter)
    return found


def _fresh(graph: Resolved, seed: int) -> tuple[Array, dict[str, Array]]:
    """The parameters, parts of one flat array, and the states, as their initializers start them."""
    from graphnet.randomness import generator  # a loaded network draws nothing

    dtype = np.dtype(graph.spec.dtype)
    tensors = tensors_of(graph)
    params = {name: p.shape for name, (role, p) in tensors.items() if role == "param"}
    states = {name: p.shape for name, (role, p) in tensors.items() if role == "state"}
    flat, arrays = flat_views(params, dtype)
    arrays |= flat_views(states, dtype)[1]
    for name, (_, parameter) in tensors.items():
        array = arrays[name]
        with np.errstate(over="ignore"):
            array[...] = parameter.init.sample(generator(seed, "init", name), parameter.shape)
        if not np.isfinite(array).all():
            what = f"its initializer draws numbers too large for {dtype}"
            raise SpecError(clipped(f"{graph.spec.name}: parameter '{name}': {what}"))
    return flat, arrays


def assemble(graph: Resolved, arrays: Mapping[str, Array], flat: Array | None = None) -> Network:
    """A network around given arrays, which become the layers' own.

    flat: the array that all parameters are parts of, where there is one.

    Errors: BundleMismatchError unless they are exactly those that the spec derives.
    """
    expected = tensors_of(graph)
    dtype = np.dtype(graph.spec.dtype)
    missing, extra = (
        sorted(expected.keys() - arrays.keys()),
        sorted(arrays.keys() - expected.keys()),
    )
    if missing or extra:
        raise BundleMismatchError(
            clipped(
                "the tensors are not those of the spec: "
                f"missing {_names(missing)}; too many {_names(extra)}"
            )
        )
    for name, (_, parameter) in expected.items():
        found = arrays[name]
        if found.shape != parameter.shape or found.dtype != dtype:
            raise BundleMismatchError(
                clipped(
                    f"tensor '{name}' must be {dtype} of shape {parameter.shape}; "
                    f"found {found.dtype} of shape {found.shape}"
                )
            )
    return Network(graph, arrays, flat)


def _names(names: list[str]) -> str:
    return ", ".join(f"'{n}'" for n in names[:5]) + ", ..." * (len(names) > 5) or "none"
