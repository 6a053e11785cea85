"""Seeded changes of a clip that say nothing about how it was made: size, codec, colour, softness, noise, mirroring.

Real and generated clips go through the same recipe, so that what a site's encoder left behind is no clue. `canonical`
is the recipe without chance: every clip gets the same size, codec, quality and length.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.sampling import steps_from_frames
from dtr.steps import ClipSteps
from dtr.video import Limits, VideoClip, VideoReader, open_video
from dtr.video.clip import collect_clip
from dtr.video.recode import RECIPES, recode_rgb
from dtr.video.scale import even_size, resize_rgb
from dtr.views import ViewSpec

Range = tuple[float, float]


@dataclass(frozen=True)
class AugmentSpec:
    """What may happen to a clip, and how often; every `_p` is a probability, every pair a range.

    Attributes:
        resize_p, short_side: new shorter side in pixels, drawn evenly on a log scale.
        max_enlarge: never more than this times the source's size.
        recode_p, codecs: a codec of `dtr.video.recode.RECIPES`.
        coarseness: place in the codec's range of quality levels, 0 = finest, 1 = coarsest.
        flip_p: left-right mirror.
        colour_p, brightness, contrast, saturation: largest change, as a share.
        soften_p, soften: the clip is scaled by this factor and back.
        noise_p, noise: standard deviation of grain, in steps of 1 / 255.
        rate_p, rate_hz: the clip is first thinned to this frame rate, drawn evenly on a log scale.
    """

    resize_p: float = 0.9
    short_side: Range = (144, 480)
    max_enlarge: float = 1.5
    recode_p: float = 0.9
    codecs: tuple[str, ...] = tuple(RECIPES)
    coarseness: Range = (0.0, 1.0)
    flip_p: float = 0.5
    colour_p: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.15
    saturation: float = 0.2
    soften_p: float = 0.15
    soften: Range = (0.5, 0.9)
    noise_p: float = 0.15
    noise: Range = (1.0, 5.0)
    rate_p: float = 0.0
    rate_hz: Range = (6.0, 24.0)

    def __post_init__(self) -> None:
        for name in ("resize_p", "recode_p", "flip_p", "colour_p", "soften_p", "noise_p", "rate_p"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("short_side", "coarseness", "soften", "noise", "rate_hz"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ConfigError(f"augment.{name} must be a range low, high with 0 <= low <= high, got {low}, {high}")
        if not self.codecs or not set(self.codecs) <= set(RECIPES):
            raise ConfigError(f"augment.codecs must be among {', '.join(RECIPES)}, got {list(self.codecs)}")
        if self.short_side[0] < 16 or self.soften[0] <= 0 or self.coarseness[1] > 1 or self.max_enlarge <= 0:
            raise ConfigError(
                "augment needs short_side >= 16, soften > 0, coarseness <= 1 and max_enlarge > 0, got "
                f"{self.short_side}, {self.soften}, {self.coarseness}, {self.max_enlarge}"
            )
        if self.rate_hz[0] < 1:
            raise ConfigError(f"augment.rate_hz must be at least 1 frame a second, got {self.rate_hz[0]}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AugmentSpec:
        """Inverse of `to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**values)


@dataclass(frozen=True)
class AugmentPlan:
    """One draw from a spec for one clip: what will happen, with numbers; None or 1 or 0 = it does not.

    Attributes:
        size: (width, height) of the frames.
        codec, level: see `dtr.video.recode`.
        flip: mirror.
        brightness, contrast, saturation: factors.
        soften: factor down and up again.
        noise: standard deviation.
        rate_hz: frame rate that the clip is thinned to; None = as it is.
    """

    size: tuple[int, int]
    codec: str | None
    level: int
    flip: bool
    brightness: float
    contrast: float
    saturation: float
    soften: float | None
    noise: float
    rate_hz: float | None = None


@dataclass(frozen=True)
class CanonicalSpec:
    """The one recipe of canonical clips.

    Attributes:
        short_side: pixels of the shorter side; smaller clips keep their size (made even).
        crf: H.264 quality.
        gop: frames between key frames.
        max_s: seconds kept from the start.
    """

    short_side: int = 256
    crf: int = 28
    gop: int = 24
    max_s: float = 4.0


def clip_rng(seed: int, k: int, content_sha256: str) -> np.random.Generator:
    """Random numbers of one augmented view of one clip: the same wherever and in whatever order clips are done.

    Raises:
        ConfigError: the hash is no hexadecimal number, or seed or k is negative.

    Example:
        >>> int(clip_rng(1, 2, "ab" * 32).integers(100)) == int(clip_rng(1, 2, "ab" * 32).integers(100))
        True
    """
    try:
        return np.random.default_rng(np.random.SeedSequence([seed, k, int(content_sha256, 16)]))
    except ValueError as error:
        raise ConfigError(
            f"augmentation needs seed >= 0, k >= 0 and a hexadecimal content hash, got {seed}, {k}, '{content_sha256}'"
        ) from error


def draw_plan(spec: AugmentSpec, width: int, height: int, rng: np.random.Generator) -> AugmentPlan:
    """What will happen to a clip of `width` × `height`; always uses up the same random numbers."""
    happens = dict(zip(("resize", "recode", "flip", "colour", "soften", "noise"), rng.random(6), strict=True))
    short = min(width, height)
    side = float(np.exp(rng.uniform(*np.log(spec.short_side))))
    side = min(side, spec.max_enlarge * short) if happens["resize"] < spec.resize_p else short
    codec = spec.codecs[int(rng.integers(len(spec.codecs)))]
    recipe = RECIPES[codec]
    place = rng.uniform(*spec.coarseness)
    jitter = rng.uniform(-1, 1, 3) * (happens["colour"] < spec.colour_p)
    soften, noise = float(rng.uniform(*spec.soften)), float(rng.uniform(*spec.noise))
    # Drawn only where it can happen, so that plans without it (and the caches made by them) stay as they were.
    thinned = spec.rate_p > 0 and rng.random() < spec.rate_p
    return AugmentPlan(
        size=even_size(width, height, side),
        codec=codec if happens["recode"] < spec.recode_p else None,
        level=round(recipe.finest + place * (recipe.coarsest - recipe.finest)),
        flip=bool(happens["flip"] < spec.flip_p),
        brightness=float(1 + jitter[0] * spec.brightness),
        contrast=float(1 + jitter[1] * spec.contrast),
        saturation=float(1 + jitter[2] * spec.saturation),
        soften=soften if happens["soften"] < spec.soften_p else None,
        noise=noise if happens["noise"] < spec.noise_p else 0.0,
        rate_hz=float(np.exp(rng.uniform(*np.log(spec.rate_hz)))) if thinned else None,
    )


def augment_rgb_steps(
    frames: NDArray[np.uint8], plan: AugmentPlan, rng: np.random.Generator, *, fps: float
) -> NDArray[np.uint8]:
    """Frames after everything in a plan but the rate and the mirror, which is applied to views (their boxes stay put).

    Args:
        frames: (F, H, W, 3) uint8 RGB.
        plan: what to do.
        rng: for grain.
        fps: nominal rate of the frames.

    Returns:
        (F, H', W', 3) uint8 RGB of the plan's size.
    """
    changed = (_change(frame, plan, rng) for frame in frames)
    return np.stack(list(recode_rgb(changed, plan.codec, plan.level, fps=fps) if plan.codec else changed))


def load_augmented_steps(
    path: str | os.PathLike[str],
    clock: Clock,
    views: tuple[ViewSpec, ...],
    spec: AugmentSpec,
    seed: int,
    k: int,
    *,
    content_sha256: str,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
    change: Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]] | None = None,
) -> ClipSteps:
    """The k-th augmented view of a clip; same arguments, same bytes.

    Args:
        path: of the video.
        clock, views: as for `dtr.sampling.load_steps`.
        spec: what may happen.
        seed, k, content_sha256: choose what happens.
        decoder, limits, strict: as for `dtr.sampling.load_steps`.
        change: done to the frames (F, H, W, 3) before colour, grain and codec.

    Raises:
        VideoError: the file is refused, broken beyond use, or (strict) damaged.
        LimitError: the file is beyond a limit.
        ConfigError: a seed, number or hash that is none.
    """
    rng = clip_rng(seed, k, content_sha256)
    with open_video(path, decoder=decoder, limits=limits, strict=strict) as reader:
        plan = draw_plan(spec, reader.info.width, reader.info.height, rng)
        rate = clock if plan.rate_hz is None else Clock(rate_hz=plan.rate_hz)
        clip = collect_clip(reader, clock=rate, limits=limits, size=plan.size)
        frames = clip.frames if change is None else change(clip.frames, rng)
        clip = replace(clip, frames=augment_rgb_steps(frames, plan, rng, fps=rate.rate_hz))
        steps = _steps(clip, clock, views, reader.decode_s)
    if plan.flip:
        steps = replace(steps, frames=np.ascontiguousarray(steps.frames[..., ::-1, :]), flipped=True)
    return steps


def canonical_steps(
    path: str | os.PathLike[str],
    clock: Clock,
    views: tuple[ViewSpec, ...],
    *,
    spec: CanonicalSpec | None = None,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
) -> ClipSteps:
    """The steps of a clip after the canonical recipe; every frame is encoded, as if to a file, then sampled.

    Raises:
        VideoError: the file is refused, broken beyond use, or (strict) damaged.
        LimitError: the file is beyond a limit.
    """
    spec = spec or CanonicalSpec()
    with open_video(path, decoder=decoder, limits=limits, strict=strict) as reader:
        clip = canonical_clip(reader, spec, limits=limits)
        return _steps(clip, clock, views, reader.decode_s)


def canonical_clip(reader: VideoReader, spec: CanonicalSpec, *, limits: Limits | None = None) -> VideoClip:
    """The first seconds of a video after the canonical recipe, at their true times."""
    info = reader.info
    size = even_size(info.width, info.height, min(spec.short_side, info.width, info.height))
    clip = collect_clip(reader, limits=limits, size=size, max_s=spec.max_s)
    coded = recode_rgb(iter(clip.frames), "h264", spec.crf, fps=info.fps or 25.0, gop=spec.gop)
    return replace(clip, frames=_refill(clip.frames, coded))


def _refill(frames: NDArray[np.uint8], coded: Iterator[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Writes each coded frame over its original: the codec gives a frame only after it has taken it."""
    for number, rgb in enumerate(coded):
        frames[number] = rgb
    return frames


def _steps(clip: VideoClip, clock: Clock, views: tuple[ViewSpec, ...], decode_s: float) -> ClipSteps:
    """Steps of a clip whose frames were resized; the size told is the source's."""
    steps = steps_from_frames(clip.frames, clip.times_s, clip.duration_s, clock, views)
    return replace(steps, width=clip.width, height=clip.height, damage=clip.damage, decode_s=decode_s + steps.decode_s)


def _change(rgb: NDArray[np.uint8], plan: AugmentPlan, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Size, softness, colour and grain of one frame."""
    width, height = plan.size
    if plan.soften is not None:
        rgb = resize_rgb(rgb, *even_size(width, height, plan.soften * min(width, height)))
    rgb = resize_rgb(rgb, width, height)
    if (plan.brightness, plan.contrast, plan.saturation) == (1.0, 1.0, 1.0) and not plan.noise:
        return rgb
    pixels = rgb.astype(np.float32)
    pixels = (pixels - 127.5) * plan.contrast + 127.5 * plan.brightness
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    pixels = grey[..., None] + (pixels - grey[..., None]) * plan.saturation
    if plan.noise:
        pixels += plan.noise * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
