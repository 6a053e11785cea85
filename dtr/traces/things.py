"""Chooses regions that are things: whole, with an outline of their own, followed over the trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.traces.mechanism import Stage
from dtr.traces.opencv import opencv
from dtr.traces.regions import Prefer, pick_region
from dtr.traces.scene import Scene
from dtr.traces.track import Track, follow

CANDIDATES = 6
"""Regions among which the one that is most like a thing is taken."""


def clear_region(
    stage: Stage,
    prefer: Prefer = "salient",
    area: tuple[float, float] = (0.01, 0.08),
    near: NDArray[np.float32] | None = None,
) -> Track | None:
    """Of a few regions, the one that is most like a thing: edges all along its outline, other motion, not cut off.

    Args:
        stage: of the trace. prefer, area, near: see `dtr.traces.regions.pick_region`.

    Returns:
        Its track; None = no region was found, or it is lost before most of the trace is over.
    """
    scene, anchor = stage.scene, stage.anchor
    masks = clear_masks(scene, anchor, stage.rng, prefer, area, stage.taken, near)
    for mask in masks[:2]:
        track = follow(scene, anchor, mask, stage.first, stage.last)
        if track is not None and track.last - track.first >= 0.7 * (stage.last - stage.first):
            return track
    return None


def clear_masks(
    scene: Scene,
    index: int,
    rng: np.random.Generator,
    prefer: Prefer = "salient",
    area: tuple[float, float] = (0.01, 0.08),
    avoid: Sequence[Box] = (),
    near: NDArray[np.float32] | None = None,
) -> list[NDArray[np.float32]]:
    """A few regions of a frame, that which is most like a thing first; see `dtr.traces.regions.pick_region`."""
    found = [
        pick_region(scene, index, rng, prefer=prefer, area=area, avoid=avoid, near=near) for _ in range(CANDIDATES)
    ]
    return sorted((m for m in found if m is not None), key=lambda m: -likeness_to_thing(scene, index, m))


def likeness_to_thing(scene: Scene, index: int, mask: NDArray[np.float32]) -> float:
    """How clearly a region stands out from what is around it: 0 = not at all, about 20 = a thing.

    Args:
        scene: of the frame. index: of the frame. mask: (h, w) in [0, 1], small size.
    """
    cv2 = opencv()
    inside = (mask > 0.5).astype(np.uint8)
    rows, cols = np.nonzero(inside)
    if len(rows) < 12 or scene.num_frames < 2:
        return 0.0
    y0, y1, x0, x1 = rows.min(), rows.max() + 1, cols.min(), cols.max() + 1
    near = slice(max(0, y0 - 12), y1 + 12), slice(max(0, x0 - 12), x1 + 12)
    inside, rgb = inside[near], scene.small[index][near].astype(np.float32)
    flow = scene.flow(min(index, scene.num_frames - 2))[near]
    around = np.ones((9, 9), np.uint8)
    # Texture has jumps everywhere; a thing has them at its outline, and fewer a little inside and outside of it.
    # The weakest third decides: a patch of a larger thing has edges on some sides only.
    other = [float(np.quantile(_jumps(rgb, m), 0.5)) for m in (cv2.dilate(inside, around), cv2.erode(inside, around))]
    colour = float(np.quantile(_jumps(rgb, inside), 0.3)) - 0.6 * min(other)
    motion = float(np.quantile(_jumps(flow, inside), 0.5))
    whole = min(y0, x0, mask.shape[0] - y1, mask.shape[1] - x1) > 1
    return max(0.0, colour + 6 * min(motion, 1.5)) * (1.0 if whole else 0.3)


def _jumps(values: NDArray[np.float32], inside: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Along the outline of a mask, the difference between what is just inside and just outside of it: (K,)."""
    cv2 = opencv()
    edge = (inside > 0) & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0)
    if not edge.any():
        return np.zeros(1, np.float32)
    near = cv2.dilate(inside, np.ones((9, 9), np.uint8)) > 0
    weights = [(near & (inside > 0)).astype(np.float32), (near & (inside == 0)).astype(np.float32)]
    sides = [cv2.blur(values * w[..., None], (9, 9)) / (cv2.blur(w, (9, 9)) + 1e-3)[..., None] for w in weights]
    return np.abs(sides[0] - sides[1]).mean(axis=-1)[edge]
