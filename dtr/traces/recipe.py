"""What a run of `dtr synth` makes of every clip; all of it decides about the bytes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dtr.canonical.recipe import CanonicalRecipe
from dtr.errors import ConfigError
from dtr.traces.synthesise import SynthSpec
from dtr.traces.writer import CODECS, Coding, quality_level
from dtr.video.types import VideoInfo

SLOWEST_FPS = 12.0
"""Frames are left out only as far as so many a second remain: two for each step of DTR's clock."""

MOST_LEFT_OUT = 3


@dataclass(frozen=True)
class SynthRecipe:
    """What every clip becomes.

    Attributes:
        spec: of the traces; it holds for a whole clip, whatever number of shots it is worked on in.
        seed: of all draws.
        negatives: chance of a shot to get hard negatives, on twin and traced file alike.
        short_side: pixels of the shorter side, drawn evenly on a log scale; no clip is enlarged.
        seconds: kept from the start of a clip; None = all.
        codecs: one is drawn for each pair.
        coarseness: place in the codec's range of quality levels, 0 = finest, 1 = coarsest.
        gop: frames from one key frame to the next.
        shot_s: longest shot that is worked on at once.
        memory_mib: of a worker, for frames and codecs.
    """

    spec: SynthSpec = field(default_factory=SynthSpec)
    seed: int = 0
    negatives: float = 0.3
    short_side: tuple[int, int] = (240, 480)
    seconds: float | None = None
    codecs: tuple[str, ...] = CODECS
    coarseness: tuple[float, float] = (0.0, 0.6)
    gop: tuple[int, int] = (12, 60)
    shot_s: float = 6.0
    memory_mib: int = 1024

    def __post_init__(self) -> None:
        low, high = self.short_side
        if not 16 <= low <= high <= 4096:
            raise ConfigError(f"the short side must lie in 16 to 4096 pixels, got {low} to {high}")
        if not 0 <= self.negatives <= 1:
            raise ConfigError(f"the chance of hard negatives must lie in [0, 1], got {self.negatives}")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ConfigError(f"the seconds kept of a clip must be above 0, got {self.seconds}")
        if self.seed < 0:
            raise ConfigError(f"the seed must be at least 0, got {self.seed}")
        if not self.codecs or not set(self.codecs) <= set(CODECS):
            raise ConfigError(f"codecs must be among {', '.join(CODECS)}, got {', '.join(self.codecs) or 'none'}")
        if not 0 <= self.coarseness[0] <= self.coarseness[1] <= 1 or not 1 <= self.gop[0] <= self.gop[1]:
            raise ConfigError(
                f"coarseness must be a range inside [0, 1] and gop one from 1, got {self.coarseness} and {self.gop}"
            )
        if self.shot_s < self.spec.shortest_s:
            raise ConfigError(
                f"a shot must be able to hold a trace of {self.spec.shortest_s} s, got shots of {self.shot_s} s"
            )

    @property
    def memory_bytes(self) -> int:
        """`memory_mib` in bytes."""
        return self.memory_mib * 2**20

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return plain | {"spec": self.spec.to_json()}


def draw_coding(recipe: SynthRecipe, info: VideoInfo, rng: np.random.Generator) -> Coding:
    """How both files of a pair are written.

    Args:
        recipe: of the run.
        info: of the source.
        rng: of the draws; always uses up the same numbers.
    """
    side = float(np.exp(rng.uniform(*np.log(recipe.short_side))))
    share, place, codec, gop = rng.random(), rng.uniform(*recipe.coarseness), *rng.random(2)
    low, high = recipe.gop
    name = recipe.codecs[int(codec * len(recipe.codecs))]
    steps = range(1, 1 + max(1, min(MOST_LEFT_OUT, int((info.fps or 0.0) / SLOWEST_FPS))))
    # The shape is that of the displayed picture: odd pixels become square ones, as in canonical media.
    sizes = CanonicalRecipe(short_side=max(16, 2 * round(side / 2)), enlarge=1.0)
    width, height = sizes.size(info.width, info.height, info.sample_aspect_ratio)
    return Coding(
        width=width,
        height=height,
        every=steps[int(share * len(steps))],
        codec=name,
        level=quality_level(name, float(place)),
        gop=low + int(gop * (high - low + 1)),
    )
