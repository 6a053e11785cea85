"""Views: the pictures of a frame that a backbone looks at, and where each lies in the displayed frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError


@dataclass(frozen=True)
class ViewSpec:
    """One view of every frame, always `size` × `size` pixels, so that no file's size or shape reaches a backbone.

    Attributes:
        kind: "square" = the largest square of the frame, resized without changing its shape (two of them, at (0, 0) and
            (1, 1), cover a frame of up to 2:1). "native" = a crop of `size` × `size` source pixels, so that texture
            survives (a smaller frame gives the largest square there is, resized). "full" = the whole frame squeezed
            into a square: it covers everything at once, but how much it is squeezed tells the frame's shape, which
            can name the label; prefer squares.
        size: side in pixels, ≥ 32.
        position: where a square or a crop lies: (0, 0) top left … (1, 1) bottom right; ignored for "full".
    """

    kind: Literal["square", "native", "full"] = "square"
    size: int = 224
    position: tuple[float, float] = (0.5, 0.5)

    def __post_init__(self) -> None:
        if self.kind not in ("square", "native", "full"):
            raise ConfigError(f"views.kind must be 'square', 'native' or 'full', got '{self.kind}'")
        if self.size < 32:
            raise ConfigError(f"views.size must be at least 32 pixels, got {self.size}")
        if not all(0 <= v <= 1 for v in self.position):
            raise ConfigError(f"views.position must lie in [0, 1], got {self.position}")

    def region_px(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The view's (x0, y0, x1, y1) in pixels of a displayed frame of `width` × `height`.

        Example:
            >>> ViewSpec("native", 100, (1.0, 0.5)).region_px(640, 360)
            (540, 130, 640, 230)
        """
        if self.kind == "full":
            return 0, 0, width, height
        side = min(width, height) if self.kind == "square" else min(self.size, width, height)
        x0 = round((width - side) * self.position[0])
        y0 = round((height - side) * self.position[1])
        return x0, y0, x0 + side, y0 + side

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"position": list(self.position)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ViewSpec:
        """Inverse of `to_json`."""
        return cls(data["kind"], int(data["size"]), (float(data["position"][0]), float(data["position"][1])))


def view_boxes(views: tuple[ViewSpec, ...], width: int, height: int) -> NDArray[np.float32]:
    """Each view's box in the displayed frame.

    Returns:
        (V, 4) float32 xyxy in [0, 1].
    """
    px = np.array([v.region_px(width, height) for v in views], dtype=np.float64)
    return (px / np.array([width, height, width, height])).astype(np.float32)


def grid_cells(view_box: NDArray[np.floating], rows: int, cols: int, *, flip: bool = False) -> NDArray[np.float32]:
    """Boxes of a regular token grid inside a view, row by row.

    Args:
        view_box: (4,) xyxy of the view in the displayed frame.
        rows, cols: token grid of the view.
        flip: the view was mirrored left-right; its first column shows the frame's last.

    Returns:
        (rows · cols, 4) float32 xyxy in the displayed frame.

    Example:
        >>> grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 1, 2, flip=True).tolist()
        [[0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0]]
    """
    x0, y0, x1, y1 = (float(v) for v in view_box)
    ys = y0 + (y1 - y0) * np.arange(rows + 1) / rows
    xs = x0 + (x1 - x0) * np.arange(cols + 1) / cols
    top, left = np.meshgrid(ys[:-1], xs[:-1], indexing="ij")
    bottom, right = np.meshgrid(ys[1:], xs[1:], indexing="ij")
    cells = np.stack([left, top, right, bottom], axis=-1)
    if flip:
        cells = cells[:, ::-1]
    return cells.reshape(-1, 4).astype(np.float32)
