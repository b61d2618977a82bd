"""`fit`: a whole training from Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from graphnet.bundle.model import save
from graphnet.data.dataset import Dataset
from graphnet.network import Network
from graphnet.training.checkpoint import Path
from graphnet.training.keeping import EVERY_SECONDS, Idle, Keeper
from graphnet.training.loop import Trainer
from graphnet.training.ranks import Ranks
from graphnet.training.result import EpochResult, Progress


def fit(
    net: Network,
    data: Dataset,
    *,
    threads: int | None = None,
    on_step: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    out: Path | None = None,
    checkpoint_every: float = EVERY_SECONDS,
    resume: bool | Literal["previous"] = False,
    memory: int | None = None,
    norms: bool = False,
    ranks: Ranks | None = None,
) -> Iterator[EpochResult]:
    """Train a network by its spec's recipe; an EpochResult after each epoch. Prints nothing.

    threads: default, all processors. on_step is called after each step; should_stop is asked
    before each, and training ends where it says yes.
    out: a file that gets the bundle when all epochs are done. Until then `out.checkpoint` and
    `out.checkpoint.previous` hold what going on needs, written after each epoch, after so many
    seconds, and where should_stop says yes. resume: go on from the first, or from `"previous"`;
    the bundle will have the bytes of a run that was never left.
    memory: what a training step may take, by its plan; default, what the machine has.
    norms: whether `net.history` also records, of each layer, the norm of its weights after each
    epoch and that of the gradient of the epoch's last step: `"norms": {"affine1": [3.2, 0.1]}`.
    ranks: the processes that share each batch, `gn.mpi_ranks()`: each of them calls `fit` in the
    same way and ends with the same network; the first alone writes `out`.
    Units: checkpoint_every in seconds, memory in bytes.
    Errors: SpecError, SpecLimitError, DatasetError, ShapeError, DivergedError; with `ranks` also
    RankError; with `out` also SaveError, BundleLimitError, RunLockedError; with `resume`
    ResumeMismatchError, BundleError.
    """
    if out is None:
        return Trainer(
            net,
            data,
            threads=threads,
            on_step=on_step,
            should_stop=should_stop,
            memory=memory,
            norms=norms,
            ranks=ranks,
        ).run()
    writes = ranks is None or ranks.rank == 0
    keeper = (Keeper if writes else Idle)(out, checkpoint_every)

    def step(progress: Progress) -> None:
        if on_step is not None:
            on_step(progress)
        keeper.step(trainer)

    trainer = Trainer(
        net,
        data,
        threads=threads,
        on_step=step,
        should_stop=should_stop,
        memory=memory,
        norms=norms,
        ranks=ranks,
    )
    return _kept(trainer, keeper, resume)


def _kept(
    trainer: Trainer, keeper: Keeper, resume: bool | Literal["previous"]
) -> Iterator[EpochResult]:
    together = trainer.ranks.together

    def start() -> None:
        keeper.check()
        if resume:
            keeper.resume(trainer, "previous" if resume == "previous" else "newest")
        else:
            keeper.begin("resume=True goes on with it, removing it begins anew")

    def end() -> None:
        if trainer.ranks.rank == 0:
            save(keeper.path, trainer.net)
        keeper.remove()

    with keeper:
        together(start)
        for result in trainer.run():
            together(lambda: keeper.save(trainer))
            yield result
        together(lambda: keeper.save(trainer) if trainer.stopped else end())
