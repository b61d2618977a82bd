"""How training pictures are changed before each use: `augment` in the recipe."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from graphnet.declaration import Declaration
from graphnet.spec.families import AUGMENTS
from graphnet.spec.problems import below

Share = Annotated[float, Field(ge=0, le=1)]


class AugmentSpec(Declaration):
    """One way to change a picture, drawn anew for each sample in each epoch."""

    moves: ClassVar[bool] = True
    """Whether it says where pixels come from: all such ones become one map, in their order."""

    type: str
    """The way."""


@AUGMENTS.register
class Shift(AugmentSpec):
    """Move by up to so many pixels, down or up and right or left, each drawn uniformly."""

    type: Literal["Shift"]
    pixels: Annotated[float, Field(gt=0, le=16384)]
    """The longest way along each axis, in pixels; fractions are interpolated."""


@AUGMENTS.register
class Rotate(AugmentSpec):
    """Turn about the centre by up to so many degrees, to either side, drawn uniformly."""

    type: Literal["Rotate"]
    degrees: Annotated[float, Field(gt=0, le=180)]
    """The largest angle."""


@AUGMENTS.register
class Scale(AugmentSpec):
    """Enlarge about the centre by a factor that is drawn uniformly; below 1 makes smaller."""

    type: Literal["Scale"]
    range: Annotated[
        tuple[Annotated[float, Field(gt=0, le=100)], Annotated[float, Field(gt=0, le=100)]],
        Field(strict=False),
    ]
    """The smallest and the largest factor."""

    @model_validator(mode="after")
    def _ascending(self) -> Scale:
        if self.range[0] > self.range[1]:
            raise below("the smaller factor comes first", "range")
        return self


@AUGMENTS.register
class Shear(AugmentSpec):
    """Slant: each row moves sideways by its distance from the centre times the tangent of an
    angle of up to so many degrees, to either side, drawn uniformly."""

    type: Literal["Shear"]
    degrees: Annotated[float, Field(gt=0, le=80)]
    """The largest angle."""


@AUGMENTS.register
class Flip(AugmentSpec):
    """Mirror, with a probability."""

    type: Literal["Flip"]
    axis: Literal["horizontal", "vertical"] = "horizontal"
    """horizontal: left and right change places; vertical: top and bottom."""
    probability: Share = 0.5
    """How often, 0 to 1."""


@AUGMENTS.register
class Noise(AugmentSpec):
    """Add to each pixel and channel a number drawn from a normal distribution."""

    moves: ClassVar[bool] = False
    type: Literal["Noise"]
    std: Annotated[float, Field(gt=0, le=100)]
    """Standard deviation, where 1 is the way from pixel 0 to 255; the sum is not clipped."""
