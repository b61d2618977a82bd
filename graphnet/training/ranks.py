"""Which part of a run is whose: what one process does alone, and several do together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from graphnet.crew import Crew, threads_here
from graphnet.engine import Engine
from graphnet.layers.base import Array
from graphnet.training.tree import Tree

if TYPE_CHECKING:
    from graphnet.training.loop import Trainer

T = TypeVar("T")


class Sums:
    """The gradients of all shards of a batch, added; this one leaves that to whoever uses them."""

    def begin(self, grads: Sequence[Array]) -> None:
        """A step begins.

        grads: where the gradients of this rank's shards will stand; none where it has none.
        """

    @property
    def done(self) -> Callable[[int, str], None] | None:
        """Is told of each shard, by its number on this rank, and node whose gradients are found;
        None where nobody needs to know before the end."""
        return None

    def end(self, grads: Sequence[Array], shards: int) -> Sequence[Array]:
        """Flat gradients whose sum is that of the batch.

        grads: of this rank's shards, in order; where none of the `shards` of the batch is this
        rank's, one array, of whatever numbers.
        """
        return grads


class Ranks:
    """The ranks of a run: equal processes that take shares of each batch. This one is alone.

    rank, size: the number of this one, from 0, and how many there are.
    """

    rank = 0
    size = 1

    def __init__(self) -> None:
        self._asked = False

    @property
    def threads(self) -> int:
        """How many threads a rank has where nobody says."""
        return threads_here()

    @property
    def here(self) -> int:
        """How many of the ranks are on this host."""
        return 1

    def share(self, items: int) -> range:
        """The numbers of the items, neighbours, that are this rank's; perhaps none."""
        return range(items)

    def ask_to_stop(self) -> None:
        """This rank was told to stop: all of them will."""
        self._asked = True

    @property
    def stopping(self) -> bool:
        """Whether all ranks know that they stop: the same on each of them between two steps."""
        return self._asked

    def begin(self, trainer: Trainer) -> None:
        """Before the first step: all ranks have the same run, and stand where rank 0 does.

        Errors: RankError that names a rank which is unlike.
        """

    def agreed(self, number: float) -> float:
        """A number that each rank has computed, as all of them use it: that of rank 0. Where BLAS
        adds, processors of other kinds round otherwise."""
        return number

    def together(self, work: Callable[[], None]) -> None:
        """Do something of which all ranks have to know that it went well on each of them.

        Errors: those of `work`; RankError where another rank has one.
        """
        work()

    def check(self, trainer: Trainer) -> None:
        """After an epoch: all ranks still have the same network.

        Errors: RankError.
        """

    def numbers(self, mine: Sequence[Sequence[float]], items: int, width: int) -> list[list[float]]:
        """So many numbers of each of this rank's items, as those of all `items` in order."""
        return [list(one) for one in mine]

    def arrays(
        self, mine: Sequence[Sequence[Array]], items: int, like: Sequence[Array]
    ) -> list[Sequence[Array]]:
        """Small arrays of each of this rank's items; for each of them, those of all `items` in
        order.

        like: arrays of the shapes and types that those of each item have.
        """
        return [[one[k] for one in mine] for k in range(len(like))]

    def complete(
        self, tree: Tree[T], pack: Callable[[T], bytes], unpack: Callable[[bytes], T]
    ) -> T:
        """The whole of a tree to which every rank has added its share."""
        return tree.whole

    def sums(self, engine: Engine, crew: Crew) -> Sums:
        """What adds the gradients of a network whose first engine this is."""
        return Sums()
