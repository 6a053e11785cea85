"""The recipe of canonical media: what every file looks like, whatever it was before."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from dtr.errors import ConfigError
from dtr.video.scale import SCALER, even_size

Slow = Literal["leave-out", "repeat"]

_ROUNDING = 0.02
"""A clip may miss the end of its last step by this share of a step (containers round their times)."""

_MAX_PIXEL_ASPECT = 4.0
"""A declared pixel more than this times wider than high (or higher than wide) is taken for a fault of the header."""

ENCODER = "libx264"
ENCODER_OPTIONS: dict[str, str] = {
    "preset": "medium",
    "profile": "high",
    # One level for all sizes: x264 would pick one by size, and the size says where a clip comes from.
    "level": "5.1",
    # Key frames at fixed places, none at scene cuts; no B-frames, so that frames are stored in display order.
    "sc_threshold": "0",
    "bf": "0",
    # Macroblock trees make the bytes differ from run to run (see dtr.video.recode).
    "mbtree": "0",
    "threads": "1",
    "flags": "+bitexact",
}
"""What is fixed in every recipe; quality and key-frame distance are added."""


@dataclass(frozen=True)
class CanonicalRecipe:
    """What every file becomes: H.264 in MP4, yuv420p, constant frame rate, no sound, no tags.

    Attributes:
        fps: frames per second. The default is the rate of DTR's clock: generated clips are often slow, and a clip
            slower than this needs repeated frames, which name its class. It divides 12, 24, 30 and 60 evenly.
        short_side: pixels of the shorter side.
        enlarge: a clip is enlarged at most this many times; one that would need more keeps its size.
        seconds: kept from the start.
        crf: quality of x264, lower is better.
        gop: frames from one key frame to the next.
        slow: clips that need repeated frames are left out, or get them.
        seed: which of equally long clips are cut when lengths are matched.
    """

    fps: float = 6.0
    short_side: int = 256
    enlarge: float = 1.1
    seconds: float = 4.0
    crf: int = 23
    gop: int = 12
    slow: Slow = "leave-out"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = (("fps", 0.5, 240), ("short_side", 16, 4096), ("enlarge", 1, 16), ("crf", 0, 51), ("gop", 1, 1000))
        for name, low, high in ranges:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} of canonical media must lie in [{low}, {high}], got {value}")
        if not (math.isfinite(self.seconds) and self.seconds * self.fps >= 1):
            raise ConfigError(
                f"seconds of canonical media must hold at least one frame ({1 / self.fps:g} s), got {self.seconds}"
            )
        if self.short_side % 2 or self.slow not in get_args(Slow):
            raise ConfigError(
                f"canonical media need an even short_side and slow among {', '.join(get_args(Slow))}, got "
                f"{self.short_side} and '{self.slow}'"
            )

    @property
    def rate(self) -> Fraction:
        """Frames per second as the container stores it."""
        return Fraction(self.fps).limit_denominator(1001)

    @property
    def max_frames(self) -> int:
        """Frames of the longest clip."""
        return self.num_frames(self.seconds)

    def num_frames(self, length_s: float) -> int:
        """Whole steps that fit into a length, at least one.

        Example:
            >>> recipe = CanonicalRecipe(fps=6, seconds=4)
            >>> [recipe.num_frames(s) for s in (0.01, 1.0, 1.99, 3.9999, 60.0)]
            [1, 6, 11, 24, 24]
        """
        return max(1, math.floor(min(length_s, self.seconds) * float(self.rate) + _ROUNDING))

    def size(self, width: int, height: int, pixel_aspect: float = 1.0) -> tuple[int, int]:
        """(width, height) of the new frames: square pixels, the displayed shape kept, both sides even.

        Args:
            width, height: of the displayed source frame, in stored pixels.
            pixel_aspect: width / height of one of them.

        Example:
            >>> recipe = CanonicalRecipe(short_side=256, enlarge=1.1)
            >>> recipe.size(1920, 1080), recipe.size(241, 427), recipe.size(160, 90), recipe.size(720, 480, 8 / 9)
            ((456, 256), (256, 454), (160, 90), (342, 256))
        """
        if 1 / _MAX_PIXEL_ASPECT <= pixel_aspect <= _MAX_PIXEL_ASPECT:
            width = max(1, round(width * pixel_aspect))
        short = min(width, height)
        return even_size(width, height, short if self.short_side > self.enlarge * short else self.short_side)

    def to_json(self) -> dict[str, Any]:
        """Everything that decides about a file's bytes, as plain JSON types."""
        return {**asdict(self), "encoder": {"name": ENCODER, **ENCODER_OPTIONS}, "scaler": SCALER, "pixels": "yuv420p"}
