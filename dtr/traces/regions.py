"""Regions that a person would look at: where things move or have structure, cut out along their own edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.traces.opencv import opencv
from dtr.traces.scene import Scene
from dtr.traces.smooth import smooth_field

Prefer = Literal["moving", "salient", "static"]

FloatMap = NDArray[np.float32]

LARGEST_CUT = 5000
"""Pixels on which a region's outline is searched for; larger crops are cut at a smaller size."""


EVEN = 2.0
"""Standard deviation (of 255) of a row or column below which it may belong to a bar."""

BAR_MARGIN = 3
"""Small pixels beside a bar that are left alone too."""


def interest(scene: Scene, index: int, prefer: Prefer) -> FloatMap:
    """Where a region may be looked for in a frame.

    Args:
        scene: of the frame. index: of the frame.
        prefer: "moving" = moves against the camera, "salient" = moves or has structure, "static" = has structure and
            stays where it is.

    Returns:
        (h, w) float32, small size, in [0, 1].
    """
    if (index, prefer) not in scene.interests:
        scene.interests[index, prefer] = _interest(scene, index, prefer)
    return scene.interests[index, prefer]


def _interest(scene: Scene, index: int, prefer: Prefer) -> FloatMap:
    cv2 = opencv()
    grey = scene.grey[index].astype(np.float32)
    structure = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    structure = _to_unit(cv2.GaussianBlur(structure, (0, 0), 5))
    around = range(max(0, index - 4), min(scene.num_frames - 1, index + 5), 2)
    motion = np.mean([scene.own_motion(i) for i in around] or [np.zeros_like(structure)], axis=0)
    motion = _to_unit(cv2.GaussianBlur(motion.astype(np.float32), (0, 0), 4))
    maps = {
        "moving": motion * (0.3 + structure),
        "salient": structure + motion,
        "static": structure * (1 - motion) ** 2,
    }
    return _to_unit(maps[prefer] * _inner(structure.shape) * _without_bars(grey))


def _without_bars(grey: FloatMap) -> FloatMap:
    """0 on even bars along the frame's sides (letterboxes) and close to them, 1 elsewhere."""
    inside = np.ones_like(grey)
    for axis in (0, 1):
        even = grey.std(axis=1 - axis) < EVEN
        for order in (slice(None), slice(None, None, -1)):
            depth = int(np.argmin(even[order])) if not even.all() else 0
            if depth > 1:
                lines = inside if axis == 0 else inside.T
                lines[order][: depth + BAR_MARGIN] = 0
    return inside


def pick_region(
    scene: Scene,
    index: int,
    rng: np.random.Generator,
    *,
    prefer: Prefer = "salient",
    area: tuple[float, float] = (0.015, 0.14),
    avoid: Sequence[Box] = (),
    near: FloatMap | None = None,
) -> FloatMap | None:
    """One region of a frame, along its own edges where those can be found.

    Args:
        scene: of the frame. index: of the frame.
        rng: of the choice. prefer: see `interest`.
        area: smallest and largest share of the frame; drawn evenly on a log scale.
        avoid: boxes of regions already taken; their places are not chosen.
        near: (h, w) in [0, 1], small size: factor on the chance of each place; None = 1 everywhere.

    Returns:
        (h, w) float32 mask in [0, 1] at the small size; None = no place is left.
    """
    chance = interest(scene, index, prefer) ** 1.5 + 1e-4 * _inner((scene.small_height, scene.small_width))
    if near is not None:
        chance = chance * near
    height, width = chance.shape
    for x0, y0, x1, y1 in avoid:
        chance[int(y0 * height) : int(np.ceil(y1 * height)), int(x0 * width) : int(np.ceil(x1 * width))] = 0
    if chance.sum() <= 0:
        return None
    seed = int(rng.choice(chance.size, p=(chance / chance.sum(dtype=np.float64)).ravel().astype(np.float64)))
    share = float(np.exp(rng.uniform(np.log(area[0]), np.log(area[1]))))
    aspect = float(np.exp(rng.uniform(-0.5, 0.5)))
    half_h = np.sqrt(share * height * width * 1.3 / aspect) / 2
    half_w = half_h * aspect
    row, col = divmod(seed, width)
    rect = (
        int(max(1, col - half_w)),
        int(max(1, row - half_h)),
        int(min(width - 1, col + half_w)),
        int(min(height - 1, row + half_h)),
    )
    mask = _cut_out(scene.small[index], rect, rng)
    free = opencv().GaussianBlur(_without_bars(scene.grey[index].astype(np.float32)), (0, 0), 1.2)
    mask = np.clip(mask * free, 0, 1)
    for x0, y0, x1, y1 in avoid:
        mask[int(y0 * height) : int(np.ceil(y1 * height)), int(x0 * width) : int(np.ceil(x1 * width))] = 0
    return mask if mask.mean() >= area[0] * 0.4 else None


def _cut_out(rgb: NDArray[np.uint8], rect: tuple[int, int, int, int], rng: np.random.Generator) -> FloatMap:
    """The thing in the middle of a rectangle, by graph cut; a blob with an uneven outline where that finds no thing."""
    cv2 = opencv()
    x0, y0, x1, y1 = rect
    pad_x, pad_y = (x1 - x0) // 2 + 2, (y1 - y0) // 2 + 2
    left, top = max(0, x0 - pad_x), max(0, y0 - pad_y)
    crop = np.ascontiguousarray(rgb[top : y1 + pad_y, left : x1 + pad_x])
    inner = (x0 - left, y0 - top, max(1, x1 - x0), max(1, y1 - y0))
    blob = _blob(crop.shape[:2], inner, rng)
    cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
    found = blob
    if min(crop.shape[:2]) > 8 and blob.sum() > 20 and crop.std() > 1:
        shrink = min(1.0, float(np.sqrt(LARGEST_CUT / blob.size)))
        size = max(8, round(blob.shape[1] * shrink)), max(8, round(blob.shape[0] * shrink))
        cut = _graph_cut(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), cv2.resize(blob, size))
        cut = cv2.resize(cut * np.float32(1), blob.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
        cut = largest_part(cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        found = cut if 0.25 <= cut.sum() / blob.sum() <= 1.7 else blob
    mask = np.zeros(rgb.shape[:2], np.float32)
    mask[top : top + crop.shape[0], left : left + crop.shape[1]] = found
    return cv2.GaussianBlur(mask, (0, 0), 1.2)


def _graph_cut(rgb: NDArray[np.uint8], guess: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What belongs to the core of a guess rather than to the border of the picture; free to end anywhere between."""
    cv2 = opencv()
    reach = 2 * round(0.2 * float(np.sqrt(guess.sum()))) + 1
    core = cv2.erode(guess, np.ones((reach, reach), np.uint8))
    labels = np.where(guess > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[core > 0] = cv2.GC_FGD
    labels[:2] = labels[-2:] = cv2.GC_BGD
    labels[:, :2] = labels[:, -2:] = cv2.GC_BGD
    if not (labels == cv2.GC_FGD).any():
        return guess
    cv2.grabCut(rgb, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    return ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)


def largest_part(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest connected part, with its holes filled."""
    cv2 = opencv()
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros_like(mask)
    if outlines:
        cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return filled


def _blob(shape: tuple[int, ...], rect: tuple[int, int, int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """An ellipse with an uneven outline inside a rectangle (x, y, width, height)."""
    x, y, width, height = rect
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    radius = np.hypot((cols - x - width / 2) / (width / 2), (rows - y - height / 2) / (height / 2))
    wobble = smooth_field(shape[0], shape[1], 4, rng, channels=1)[..., 0]
    return (radius + 0.25 * wobble < 0.95).astype(np.uint8)


def _inner(shape: tuple[int, ...]) -> FloatMap:
    """1 in the middle, falling to 0.2 at the frame's edge: things are seldom cut off."""
    rows, cols = (np.minimum(1.0, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.15 * n)) for n in shape[:2])
    return (0.2 + 0.8 * np.minimum.outer(rows, cols)).astype(np.float32)


def _to_unit(values: FloatMap) -> FloatMap:
    top = float(np.percentile(values, 99.5))
    return np.clip(values / top, 0, 1).astype(np.float32) if top > 1e-6 else np.zeros_like(values, np.float32)
