"""How large gradients may be: `clip` in the recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from graphnet.declaration import Declaration, below

Limit = Annotated[float, Field(gt=0)]


class ClipSpec(Declaration):
    """Gradients that are made smaller before parameters move: `norm` or `value`.

    Source: Pascanu et al., 2013, algorithm 1, with PyTorch's numbers (`clip_grad_norm_`).
    """

    norm: Limit | None = None
    """The root of the sum of the squares of all gradients; above it all are multiplied by one
    number, norm / (that root + 1e-6)."""
    value: Limit | None = None
    """The greatest amount of each element."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ClipSpec:
        if (self.norm is None) == (self.value is None):
            raise below("give either 'norm' or 'value'")
        return self
