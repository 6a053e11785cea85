"""Figures that could betray an edit without showing it: of whole frames, of patches at its border, of its inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.leaks.pixels import STATISTICS, centre_crop, luma, picture_statistics
from dtr.traces.opencv import opencv

FloatArray = NDArray[np.float64]
FloatMap = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAPS = ("fine", "middle", "coarse", "diagonal", "chroma", "flicker")
"""Fine structure of a frame; see `Texture`."""

RATIOS = (("fine", "middle"), ("diagonal", "fine"), ("middle", "coarse"), ("flicker", "fine"))
"""Pairs of maps whose ratio says how sharp a place is, whatever its contrast."""

PATCH = 24
"""Side of a patch in pixels."""

SMALLEST_REGION = 40
"""Pixels; a change that covers fewer is taken to be the ellipse inside its box."""

LUMA_BINS = 8
LOG_FLOOR = 0.05
"""Added before a logarithm, in steps of 1 / 255: what coding leaves of a plain place."""

STATISTIC_COLUMNS = (
    *STATISTICS,
    *(f"luma_bin_{i}" for i in range(LUMA_BINS)),
    *("blue_mean", "blue_std", "red_mean", "red_std"),
    *(f"log_{name}" for name in MAPS),
    *("spectrum_slope", "spectrum_curve", "log_step", "log_step_p95", "log_step_spread", "blocks"),
)
"""Of `frame_statistics`."""

_STRUCTURE = (*(f"log_{name}" for name in MAPS), *(f"{a}/{b}" for a, b in RATIOS))
PATCH_COLUMNS = (
    *_STRUCTURE,
    *("fine_p10", "fine_p90", "fine_kurtosis", "seam_diagonal", "seam_fine"),
    *(f"sides_{name}" for name in _STRUCTURE),
)
"""Of `patch_figures`."""

INSIDE_COLUMNS = tuple(f"inside_{name}" for name in _STRUCTURE)
"""Of `inside_figures`."""

# The third derivative kernel of steganalysis: blind to slopes, strongest on the finest diagonal pattern, which every
# interpolation weakens first. Source: Fridrich and Kodovsky (2012), "Rich models for steganalysis", SQUARE 3 × 3.
_DIAGONAL = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], np.float32) / 4


@dataclass(frozen=True)
class Texture:
    """Fine structure of a frame, each map (H, W) float32 of sizes in steps of 1 / 255.

    Attributes:
        fine, middle, coarse: bands of luma between blurs of 0, 1, 2 and 4 pixels.
        diagonal: the finest diagonal pattern.
        chroma: fine structure of both colour differences.
        flicker: change of the signed fine band since the frame before; of a first frame, 0.
    """

    fine: FloatMap
    middle: FloatMap
    coarse: FloatMap
    diagonal: FloatMap
    chroma: FloatMap
    flicker: FloatMap


def texture(rgb: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> Texture:
    """Fine structure of a frame.

    Args:
        rgb: (H, W, 3) uint8. before: (H, W, 3) uint8 of the frame before; None = the first.
    """
    cv2 = opencv()
    grey = luma(rgb)
    blurred = [grey, *(cv2.GaussianBlur(grey, (0, 0), s) for s in (1.0, 2.0, 4.0))]
    fine = grey - blurred[1]
    flicker = np.zeros_like(fine)
    if before is not None:
        last = luma(before)
        flicker = np.abs(fine - last + cv2.GaussianBlur(last, (0, 0), 1.0))
    colours = rgb[..., ::2].astype(np.float32) - grey[..., None]
    chroma = np.abs(colours - cv2.GaussianBlur(colours, (0, 0), 2.0)).mean(axis=-1)
    diagonal = np.abs(cv2.filter2D(grey, cv2.CV_32F, _DIAGONAL, borderType=cv2.BORDER_REFLECT_101))
    return Texture(
        np.abs(fine), np.abs(blurred[1] - blurred[2]), np.abs(blurred[2] - blurred[3]), diagonal, chroma, flicker
    )


def frame_statistics(rgb: NDArray[np.uint8], before: NDArray[np.uint8], maps: Texture) -> FloatArray:
    """What a frame looks like on the whole: (len(STATISTIC_COLUMNS),).

    Args:
        rgb, before: (H, W, 3) uint8, the frame and the one before it. maps: of the frame.
    """
    cv2 = opencv()
    height, width = rgb.shape[:2]
    factor = min(1.0, 160 / min(height, width))
    small = cv2.resize(
        rgb, (max(8, round(width * factor)), max(8, round(height * factor))), interpolation=cv2.INTER_AREA
    )
    grey = luma(rgb)
    plain = picture_statistics(small, centre_crop(rgb))
    bins = np.histogram(grey, bins=LUMA_BINS, range=(0, 256))[0] / grey.size
    blue, red = rgb[..., 2] - grey, rgb[..., 0] - grey
    step = np.abs(grey - luma(before))
    return np.array([
        *(plain[name] for name in STATISTICS),
        *bins,
        *(blue.mean(), blue.std(), red.mean(), red.std()),
        *(_log(getattr(maps, name).mean()) for name in MAPS),
        *spectrum(grey),
        *(_log(step.mean()), _log(np.percentile(step, 95)), _log(step.std())),
        blockiness(grey),
    ])  # fmt: skip


def spectrum(grey: NDArray[np.floating], side: int = 128) -> tuple[float, float]:
    """How fast a picture's energy falls with frequency.

    Args:
        grey: (H, W).
        side: of the square from the middle that is looked at, at most.

    Returns:
        Slope and curvature of log energy over log frequency; both 0 for a plain picture.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((128, 128))
        >>> abs(spectrum(noise)[0]) < 0.2
        True
    """
    top, left = (max(0, (n - side) // 2) for n in grey.shape)
    crop = grey[top : top + side, left : left + side]
    window = np.outer(np.hanning(crop.shape[0]), np.hanning(crop.shape[1]))
    energy = np.abs(np.fft.fft2((crop - crop.mean()) * window)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(crop.shape[1]), np.fft.fftfreq(crop.shape[0])))
    edges = np.geomspace(0.03, 0.5, 9)
    rings = np.digitize(radius.ravel(), edges)
    sums = np.bincount(rings, energy.ravel(), minlength=10)[1:9]
    counts = np.maximum(np.bincount(rings, minlength=10)[1:9], 1)
    levels = np.log(sums / counts + 1.0)
    curve, slope, _ = np.polyfit(np.log(edges[:-1]) - np.log(edges[:-1]).mean(), levels, 2)
    return float(slope), float(curve)


def blockiness(grey: NDArray[np.floating], block: int = 8) -> float:
    """Log ratio of steps across a grid of blocks to those between; 0 = no grid (or a picture below two blocks).

    Example:
        >>> blockiness(np.random.default_rng(0).uniform(0, 255, (256, 256))) < 0.05
        True
    """
    if min(grey.shape) < 2 * block:
        return 0.0
    across = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    on_grid = np.arange(len(across)) % block == block - 1
    return float(np.log((across[on_grid].mean() + LOG_FLOOR) / (across[~on_grid].mean() + LOG_FLOOR)))


def changed_region(twin: NDArray[np.uint8], traced: NDArray[np.uint8], box: Box) -> Mask:
    """Where two frames differ in and near a box.

    Args:
        twin, traced: (H, W, 3) uint8. box: xyxy in [0, 1], around the trace.

    Returns:
        (H, W) bool, never empty; the ellipse inside the box where hardly anything differs.
    """
    cv2 = opencv()
    height, width = twin.shape[:2]
    x0, y0, x1, y1 = (np.array(box) * [width, height, width, height]).tolist()
    rows, cols = np.mgrid[:height, :width]
    half_w, half_h = max(2.0, (x1 - x0) / 2), max(2.0, (y1 - y0) / 2)
    across, down = (cols + 0.5 - (x0 + x1) / 2) / half_w, (rows + 0.5 - (y0 + y1) / 2) / half_h
    near = (np.abs(across) < 1.15) & (np.abs(down) < 1.15)
    delta = np.abs(twin.astype(np.int16) - traced).max(axis=-1).astype(np.float32)
    delta = cv2.GaussianBlur(delta, (0, 0), 2.5)
    level = max(3.0, 0.3 * float(np.percentile(delta[near], 95)))
    region = cv2.morphologyEx((near & (delta > level)).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)) > 0
    return region if region.sum() >= SMALLEST_REGION else across**2 + down**2 <= 1


def border_places(region: Mask, count: int) -> list[tuple[int, int]]:
    """Corners (top, left) of patches that straddle a region's outline, evenly along it, inside the frame.

    Args:
        region: (H, W) bool. count: of patches at most.
    """
    height, width = region.shape
    if min(height, width) < PATCH:
        return []
    cv2 = opencv()
    outline = region & (cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    rows, cols = np.nonzero(outline)
    pick = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))
    return [
        (int(np.clip(rows[i] - PATCH // 2, 0, height - PATCH)), int(np.clip(cols[i] - PATCH // 2, 0, width - PATCH)))
        for i in pick
    ]


def other_places(region: Mask, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Corners (top, left) of patches away from a region; fewer than asked where it leaves no room.

    Args:
        region: (H, W) bool. count: of patches. rng: of the draw.
    """
    height, width = region.shape
    if min(height, width) < PATCH:
        return []
    tops, lefts = rng.integers(0, height - PATCH + 1, 8 * count), rng.integers(0, width - PATCH + 1, 8 * count)
    free = [
        (int(t), int(c)) for t, c in zip(tops, lefts, strict=True) if not region[t : t + PATCH, c : c + PATCH].any()
    ]
    return free[:count]


def patch_figures(maps: Texture, place: tuple[int, int], side: Mask) -> FloatArray:
    """Noise of a patch, how it differs between its two sides, and along the line between them.

    Args:
        maps: of the frame. place: (top, left) of the patch.
        side: (PATCH, PATCH) bool, the side that belongs to the region; at other places that of another patch.

    Returns:
        (len(PATCH_COLUMNS),).
    """
    cv2 = opencv()
    top, left = place
    cut = {name: getattr(maps, name)[top : top + PATCH, left : left + PATCH] for name in MAPS}
    fine = cut["fine"].astype(np.float64)
    blocks = fine.reshape(PATCH // 4, 4, PATCH // 4, 4).mean(axis=(1, 3))
    power = (fine**2).mean()
    kurtosis = np.log((fine**4).mean() / power**2) if power > 1e-6 else 0.0
    line = cv2.morphologyEx(side.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    both = side.any() and not side.all()
    seam = [_log_ratio(cut[name], line, ~line) if both else 0.0 for name in ("diagonal", "fine")]
    sides = np.abs(_structure_ratio(cut, side, ~side)) if both else np.zeros(len(_STRUCTURE))
    tails = np.log(np.percentile(blocks, [10, 90]) + LOG_FLOOR)
    return np.array([*_structure(cut), *tails, kurtosis, *seam, *sides])


def inside_figures(maps: Texture, region: Mask) -> FloatArray | None:
    """Texture of a region against the ring around it: (len(INSIDE_COLUMNS),) logarithms of ratios, 0 = alike.

    Args:
        maps: of the frame. region: (H, W) bool.

    Returns:
        None = nothing is left of the region without its edge, or nothing around it.
    """
    cv2 = opencv()
    reach = max(2, round(0.06 * float(np.sqrt(region.sum()))))
    kernel = np.ones((2 * reach + 1,) * 2, np.uint8)
    solid = region.astype(np.uint8)
    inside = cv2.erode(solid, kernel) > 0
    outer = cv2.dilate(solid, np.ones((6 * reach + 1,) * 2, np.uint8)) > 0
    ring = outer & (cv2.dilate(solid, kernel) == 0)
    if inside.sum() < SMALLEST_REGION or ring.sum() < SMALLEST_REGION:
        return None
    return _structure_ratio({name: getattr(maps, name) for name in MAPS}, inside, ring)


def _structure(cut: dict[str, FloatMap]) -> list[float]:
    levels = {name: _log(values.mean()) for name, values in cut.items()}
    return [*(levels[name] for name in MAPS), *(levels[a] - levels[b] for a, b in RATIOS)]


def _structure_ratio(maps: dict[str, FloatMap], here: Mask, there: Mask) -> FloatArray:
    levels = {name: _log_ratio(values, here, there) for name, values in maps.items()}
    return np.array([*(levels[name] for name in MAPS), *(levels[a] - levels[b] for a, b in RATIOS)])


def _log_ratio(values: FloatMap, here: Mask, there: Mask) -> float:
    return _log(values[here].mean()) - _log(values[there].mean())


def _log(value: float | np.floating) -> float:
    return float(np.log(value + LOG_FLOOR))
