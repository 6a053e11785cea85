"""The backbone contract: what turns the steps of a clip into features, and what it must say about itself."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.features import ClipFeatures
from dtr.steps import ClipSteps
from dtr.views import ViewSpec, grid_cells


@runtime_checkable
class Backbone(Protocol):
    """Frozen network that looks at pixels only: nothing about the file (size, rate, padding) may reach its tokens.

    Attributes:
        backbone_id: `name@hash`; the hash covers the weights and everything else that changes a feature.
        width: D of its tokens.
        num_tokens: P, tokens of one output step.
        clock: steps it is fed with.
        head_clock: steps it puts out; differs from `clock` where frames are merged in time.
        views: pictures it looks at in every frame.
        config: what changes a feature besides the weights, in JSON types; goes into every cache key.
        init_args: constructor arguments that build it again, in JSON types.
    """

    backbone_id: str
    width: int
    num_tokens: int
    clock: Clock
    head_clock: Clock
    views: tuple[ViewSpec, ...]
    config: dict[str, Any]
    init_args: dict[str, Any]

    def encode(self, steps: ClipSteps) -> ClipFeatures:
        """Features of every output step of one clip, float32; masked steps have zero tokens and a false mask.

        Raises:
            ConfigError: the steps were rendered for other views than this backbone's.
        """
        ...

    def to(self, device: Any) -> Any:
        """The same backbone on another torch device."""
        ...


def require_views(steps: ClipSteps, views: tuple[ViewSpec, ...], who: str) -> None:
    """Refuse steps that were not rendered for `views`.

    Raises:
        ConfigError: number or size of the views differ.
    """
    expected = (len(views), views[0].size, views[0].size, 3)
    if steps.frames.shape[1:] != expected:
        raise ConfigError(
            f"{who}: expected frames of shape (N, {', '.join(map(str, expected))}), got {steps.frames.shape}; "
            "render the steps with this backbone's views"
        )


def one_size(views: tuple[ViewSpec, ...], who: str) -> int:
    """The side in pixels that all views share.

    Raises:
        ConfigError: there is no view, or their sizes differ.

    Example:
        >>> one_size((ViewSpec(size=96), ViewSpec("native", 96)), "demo")
        96
    """
    sizes = sorted({v.size for v in views})
    if len(sizes) != 1:
        raise ConfigError(f"{who}.views: expected one or more views of one size, got sizes {sizes}; set the same size")
    return sizes[0]


def covering_squares(size: int = 224) -> tuple[ViewSpec, ViewSpec]:
    """The default views: two squares that cover a frame of up to 2:1 and keep its shape out of the pixels.

    Example:
        >>> [v.region_px(640, 360) for v in covering_squares()]
        [(0, 0, 360, 360), (280, 0, 640, 360)]
    """
    return ViewSpec("square", size, (0.0, 0.0)), ViewSpec("square", size, (1.0, 1.0))


def clip_cells(
    view_boxes: NDArray[np.floating], grids: tuple[int, ...], *, flipped: bool = False
) -> NDArray[np.float32]:
    """Boxes of all tokens of one step: view after view, each a square grid row by row.

    Args:
        view_boxes: (V, 4) xyxy of each view in the displayed frame.
        grids: V token grid sides.
        flipped: the views were mirrored left-right.

    Returns:
        (P, 4) float32 xyxy in the displayed frame, P = sum of the squared sides.

    Example:
        >>> clip_cells(np.array([[0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75]]), (1, 1)).tolist()
        [[0.0, 0.0, 1.0, 1.0], [0.25, 0.25, 0.75, 0.75]]
    """
    parts = [grid_cells(box, side, side, flip=flipped) for box, side in zip(view_boxes, grids, strict=True)]
    return np.concatenate(parts)
