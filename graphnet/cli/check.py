"""`check`: the layers of a spec or bundle with shapes and costs, or everything that is wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from graphnet.bundle.format import MAGIC
from graphnet.cli.common import DONE, complain, memory_argument, parser, run, table
from graphnet.errors import SpecError, clipped
from graphnet.memory import require
from graphnet.plan import Plan
from graphnet.spec.canonical import canonical_text, readable_text
from graphnet.spec.reader import Resolved, check_values, has_blocks, read_spec, resolve
from graphnet.spec.source import parse, read_text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("check", "Print the layers of a spec or bundle, or what is wrong with it.")
    arguments.add_argument("file", help="a spec (.json) or a bundle (.msgpack)")
    arguments.add_argument(
        "--expand", action="store_true", help="print the spec without blocks, as JSON, instead"
    )
    memory_argument(arguments)
    options = arguments.parse_args(argv)
    if options.expand:
        print(_expanded(options.file))
        return DONE
    if is_bundle(options.file):
        from graphnet.bundle.model import load

        graph = load(options.file, mmap=True, verify=True, memory=sys.maxsize).graph
    else:
        graph = resolve(read_spec(options.file))
    plan = Plan(graph)
    for text in doubts(graph):
        complain(f"{options.file}: {text}")
    print(report(graph, plan))
    batch, what = _step(graph)
    require(plan.step_bytes(batch), f"{options.file}: {what}", options.memory)
    return DONE


def _expanded(path: str) -> str:
    """The plain spec in a file, one node and one path a line."""
    if is_bundle(path):
        from graphnet.bundle.model import load

        values = json.loads(
            canonical_text(load(path, mmap=True, verify=True, memory=sys.maxsize).spec)
        )
    else:
        text = read_text(path)
        values = parse(text, path)
        check_values(values, path, text)
        if has_blocks(values):
            from graphnet.spec.expansion import expand

            values = expand(values).values
    # What the stream cannot show would be escaped on its way, and be JSON no more.
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return readable_text(values, ascii_only=not unicode)


def doubts(graph: Resolved) -> list[str]:
    """What is allowed and hardly meant: a last node that the loss has inside it already."""
    found = []
    for loss, on, _ in graph.objectives:
        kind = graph.nodes[on].type
        if (loss.type, kind) in (("SoftmaxWithLoss", "Softmax"), ("SigmoidWithLoss", "Sigmoid")):
            what = f"'{on}' is a {kind}, and {loss.type} has one of its own"
            found.append(f"{what}: leave the node out")
    return found


def refuse_bundle(path: str, command: str) -> None:
    """Errors: SpecError for a bundle that is handed in as a spec."""
    if os.path.isfile(path) and is_bundle(path):
        raise SpecError(clipped(f"{path}: is a bundle; {command} takes a spec (.json)"))


def is_bundle(path: str) -> bool:
    """Whether a file is read as a bundle: by its name, else by its first byte."""
    if path.endswith((".msgpack", ".checkpoint")):
        return True
    if path.endswith(".json") or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(1) == MAGIC[:1]


def report(graph: Resolved, plan: Plan) -> str:
    """The table of layers, and the totals."""
    spec = graph.spec
    batch, what = _step(graph)
    rows = [["node", "type", "from", "shape", "parameters", "FLOPs", "bytes"]]
    for name, given in spec.inputs.items():
        rows.append([name, "(input)", "", _shape(given.shape), "", "", ""])
    for node_id in graph.wiring.order:
        cost = plan.cost(node_id)
        rows.append(
            [
                node_id,
                graph.nodes[node_id].type,
                ", ".join(graph.wiring.sources[node_id]),
                _shape(graph.shapes[node_id]),
                f"{cost.parameters:,}",
                f"{(cost.forward + cost.backward) * batch:,}",
                f"{cost.nbytes * batch + cost.fixed:,}",
            ]
        )
    for loss, cost in zip(graph.objectives, plan.loss_costs(), strict=True):
        flops, nbytes = (cost.forward + cost.backward) * batch, cost.nbytes * batch
        rows.append(["loss", loss.spec.type, loss.on, "()", "0", f"{flops:,}", f"{nbytes:,}"])
    total = plan.total()
    step = (total.forward + total.backward) * batch
    shards = plan.shards(batch) if spec.train is not None and graph.objectives else 1
    return "\n".join(
        [
            f"{spec.name}: {spec.dtype}, output {', '.join(graph.wiring.outputs)}",
            table(rows, right=(4, 5, 6)),
            f"parameters: {total.parameters:,}",
            f"{what}: {step:,} FLOPs, {plan.step_bytes(batch):,} bytes"
            + f", in {shards} shard{'s' * (shards > 1)}" * (spec.train is not None),
        ]
    )


def _step(graph: Resolved) -> tuple[int, str]:
    """The samples of a step, and what it is called."""
    batch = graph.spec.train.batch_size if graph.spec.train else 1
    what = "a training step" if graph.objectives else "forward and backward"
    return batch, f"{what} of batch {batch}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
