"""A thing of another clip, made to look as if it had been filmed in this one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.cutout import with_detail
from dtr.traces.opencv import opencv
from dtr.traces.paint import grain_of
from dtr.traces.scene import Scene
from dtr.traces.things import clear_masks, likeness_to_thing
from dtr.traces.track import Track, follow

MIN_LIKENESS = 15.0
"""How clearly a thing of another clip must stand out there: a piece of scenery would look like a sticker."""


def guest_from(donor: Scene, rng: np.random.Generator) -> Track | None:
    """A whole thing of another clip, followed through it; None = none stands out there."""
    anchor = int(rng.integers(donor.num_frames))
    for mask in clear_masks(donor, anchor, rng, area=(0.015, 0.14))[:1]:
        if likeness_to_thing(donor, anchor, mask) > MIN_LIKENESS:
            return follow(donor, anchor, mask, 0, donor.num_frames - 1)
    return None


def to_and_fro(first: int, last: int, wanted: int) -> int:
    """A frame number that runs forwards and backwards between two ends.

    Example:
        >>> [to_and_fro(2, 4, i) for i in range(2, 9)]
        [2, 3, 4, 3, 2, 3, 4]
    """
    length = max(1, last - first)
    step = (wanted - first) % (2 * length)
    return min(last, first + min(step, 2 * length - step))


class Look:
    """Colours, sharpness and noise that a thing of another clip takes on.

    Args:
        theirs: (H, W, 3) uint8 frame it comes from. ours: frame it goes to.
        size: factor on its size. rng: of the noise.
    """

    def __init__(
        self, theirs: NDArray[np.uint8], ours: NDArray[np.uint8], size: float, rng: np.random.Generator
    ) -> None:
        cv2 = opencv()
        height, width = (max(16, round(n * size)) for n in theirs.shape[:2])
        resized = cv2.resize(theirs, (width, height), interpolation=cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC)
        self.mean, ours_mean = (f.mean(axis=(0, 1)).astype(np.float32) for f in (theirs, ours))
        self.contrast = float(np.clip(ours.std() / max(float(theirs.std()), 1.0), 0.7, 1.4))
        self.shift = np.clip(0.6 * (ours_mean - self.mean), -40, 40)
        self.detail = grain_of(ours) / max(grain_of(resized) * self.contrast, 0.1)
        missing = max(0.0, _noise_of(ours) ** 2 - (_noise_of(resized) * self.contrast * self.detail) ** 2)
        self.noise = rng.normal(0, np.sqrt(missing), ours.shape[:2]).astype(np.float32)

    def on(self, pixels: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 pixels of the thing, dressed; the noise is another one on every frame."""
        height, width = pixels.shape[:2]
        noise = np.roll(self.noise, (37 * index, 61 * index), axis=(0, 1))[:height, :width, None]
        values = (with_detail(pixels, self.detail) - self.mean) * self.contrast + self.mean + self.shift + noise
        return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def _noise_of(pixels: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise of a picture, judged in its flattest places; 0 … 255."""
    cv2 = opencv()
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = cv2.filter2D(grey, -1, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6)
    energy = cv2.blur(fine * fine, (9, 9))
    return float(np.sqrt(np.percentile(energy, 20)))
