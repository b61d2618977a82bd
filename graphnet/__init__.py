"""Neural networks as files: a JSON graph in, one safe bundle out, every gradient visible.

    spec = gn.read_spec("models/digits.json")
    net = gn.build(spec, seed=0)
    for epoch in gn.fit(net, gn.load_data(spec)): ...
    gn.save("digits.msgpack", net)

Names are imported when they are first used, so that a command pays for what it needs (PEP 562).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphnet.builder import build as build
    from graphnet.bundle.model import load as load
    from graphnet.bundle.model import save as save
    from graphnet.data.dataset import Dataset as Dataset
    from graphnet.data.dataset import Split as Split
    from graphnet.data.load import load_data as load_data
    from graphnet.distributed.ranks import mpi_ranks as mpi_ranks
    from graphnet.errors import GraphnetError as GraphnetError
    from graphnet.network import Network as Network
    from graphnet.prepare.image import ImagePreparation as ImagePreparation
    from graphnet.prepare.picture import read_picture as read_picture
    from graphnet.report.page import html_report as html_report
    from graphnet.spec.graph import GraphSpec as GraphSpec
    from graphnet.spec.reader import parse_spec as parse_spec
    from graphnet.spec.reader import read_spec as read_spec
    from graphnet.training.evaluate import evaluate as evaluate
    from graphnet.training.fitting import fit as fit
    from graphnet.training.result import EpochResult as EpochResult

__version__ = "0.1.0"

_HOMES = {
    "build": "graphnet.builder",
    "load": "graphnet.bundle.model",
    "save": "graphnet.bundle.model",
    "Dataset": "graphnet.data.dataset",
    "Split": "graphnet.data.dataset",
    "load_data": "graphnet.data.load",
    "mpi_ranks": "graphnet.distributed.ranks",
    "GraphnetError": "graphnet.errors",
    "Network": "graphnet.network",
    "ImagePreparation": "graphnet.prepare.image",
    "read_picture": "graphnet.prepare.picture",
    "html_report": "graphnet.report.page",
    "GraphSpec": "graphnet.spec.graph",
    "parse_spec": "graphnet.spec.reader",
    "read_spec": "graphnet.spec.reader",
    "evaluate": "graphnet.training.evaluate",
    "fit": "graphnet.training.fitting",
    "EpochResult": "graphnet.training.result",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
