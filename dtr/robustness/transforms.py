"""What can happen to a video after it was made. Each change maps annotations too, and says nothing about the label.

A transform never looks at a label: real and generated clips go through the same change. What it draws by chance (grain,
the corner of a badge) comes from a generator that the caller seeds by video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.clock import Clock
from dtr.robustness.mapping import MIRROR, Mapping, map_annotation, window
from dtr.video.recode import recode_rgb
from dtr.video.scale import even_size, resize_rgb
from dtr.video.types import VideoClip

Frames = NDArray[np.uint8]

REFERENCE_SIDE = 360
"""Softness is stated for a frame with this shorter side and grows with the frame: the same picture is equally soft at
every size. In plain pixels small clips would lose more, and generated clips are often the smaller ones."""


class Transform:
    """One change of a clip. A kind of transform overrides the methods with an underscore.

    Attributes:
        framewise: each frame changes by itself and keeps its time, so frames that nobody looks at can be left out.
    """

    framewise: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Kind and parameters; `dtr.robustness.catalogue.parse` makes the transform of it again."""
        return self._name()

    @property
    def mapping(self) -> Mapping:
        """Where points and times go."""
        return self._mapping()

    @property
    def stages(self) -> tuple[Transform, ...]:
        """The transforms that it consists of, in order."""
        return self._stages()

    def apply(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        """The clip after the change; the one given is not touched.

        Raises:
            VideoError: a codec cannot take frames of this size.
            ConfigError: this build of PyAV has no such codec.
        """
        return self._change(clip, rng)

    def map_video(self, video: VideoAnnotation) -> VideoAnnotation:
        """The annotation of the changed clip: boxes and times moved, traces out of view left out."""
        return map_annotation(video, self.mapping).video

    def _name(self) -> str:
        raise NotImplementedError

    def _mapping(self) -> Mapping:
        return Mapping()

    def _stages(self) -> tuple[Transform, ...]:
        return (self,)

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        raise NotImplementedError


@dataclass(frozen=True)
class Unchanged(Transform):
    """Nothing happens: what every drop is measured from."""

    def _name(self) -> str:
        return "none"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        return clip


@dataclass(frozen=True)
class Recode(Transform):
    """Through a lossy codec and back, frame for frame at the true times. Odd sides are padded for it and cut again.

    Attributes:
        codec: key of `dtr.video.recode.RECIPES`, with that recipe's fast preset.
        crf: constant rate factor; higher = coarser.
    """

    codec: str
    crf: int
    framewise: ClassVar[bool] = False

    def _name(self) -> str:
        return f"{'h265' if self.codec == 'hevc' else self.codec}-crf{self.crf}"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        height, width = clip.frames.shape[1:3]
        frames = np.empty_like(clip.frames)
        for number, rgb in enumerate(recode_rgb(map(_even, clip.frames), self.codec, self.crf, fps=_rate(clip))):
            frames[number] = rgb[:height, :width]
        return replace(clip, frames=frames)


@dataclass(frozen=True)
class Scale(Transform):
    """Made smaller and left small, as a re-upload; sides are made even, and no side gets below 16 pixels.

    Attributes:
        factor: of both sides, in (0, 1].
    """

    factor: float

    def _name(self) -> str:
        return f"scale-{self.factor:g}"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        height, width = clip.frames.shape[1:3]
        size = even_size(width, height, self.factor * min(width, height))
        return with_frames(clip, [resize_rgb(rgb, *size) for rgb in clip.frames])


@dataclass(frozen=True)
class Rate(Transform):
    """Frames on a fixed grid of times, as an encoder at a constant frame rate gives them.

    Attributes:
        fps: frames per second. A tick takes the frame displayed then.
        repeat: a tick without a new frame shows the old one again, as a screen recorder does; else it has no frame, so
            that a slower clip stays as slow as it is.
    """

    fps: float
    repeat: bool = False
    framewise: ClassVar[bool] = False

    def _name(self) -> str:
        return f"{'record' if self.repeat else 'fps'}-{self.fps:g}"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        shown = Clock(rate_hz=self.fps).pick_frames(clip.times_s, clip.duration_s)
        if self.repeat:
            shown = np.maximum.accumulate(shown)
        ticks = np.flatnonzero(shown >= 0)
        return replace(clip, frames=clip.frames[shown[ticks]], times_s=ticks / self.fps)


@dataclass(frozen=True)
class Speed(Transform):
    """Played faster or slower: the same frames at other times.

    Attributes:
        factor: above 1 = faster.
    """

    factor: float
    framewise: ClassVar[bool] = False

    def _name(self) -> str:
        return f"speed-{self.factor:g}"

    def _mapping(self) -> Mapping:
        return Mapping(speed=self.factor)

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        return replace(clip, times_s=clip.times_s / self.factor, duration_s=clip.duration_s / self.factor)


@dataclass(frozen=True)
class Crop(Transform):
    """Only the middle of the frame is left; boxes are cut to it to within a pixel, and those out of view go.

    Attributes:
        share: of width and height that is left, in (0, 1].
    """

    share: float

    def _name(self) -> str:
        return f"crop-{self.share:g}"

    def _mapping(self) -> Mapping:
        margin = (1 - self.share) / 2
        return window(margin, margin, 1 - margin, 1 - margin)

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        height, width = clip.frames.shape[1:3]
        x, y = (round(side * (1 - self.share) / 2) for side in (width, height))
        return with_frames(clip, np.ascontiguousarray(clip.frames[:, y : height - y, x : width - x]))


@dataclass(frozen=True)
class Mirror(Transform):
    """Left and right change places."""

    def _name(self) -> str:
        return "hflip"

    def _mapping(self) -> Mapping:
        return MIRROR

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        return replace(clip, frames=np.ascontiguousarray(clip.frames[:, :, ::-1]))


@dataclass(frozen=True)
class Blur(Transform):
    """Gaussian softness, the same share of every frame.

    Attributes:
        sigma: pixels in a frame whose shorter side has `REFERENCE_SIDE` pixels.
    """

    sigma: float

    def _name(self) -> str:
        return f"blur-{self.sigma:g}"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        from PIL import Image, ImageFilter

        radius = self.sigma * min(clip.frames.shape[1:3]) / REFERENCE_SIDE
        soft = ImageFilter.GaussianBlur(radius)
        return with_frames(clip, [np.asarray(Image.fromarray(rgb).filter(soft)) for rgb in clip.frames])


@dataclass(frozen=True)
class Noise(Transform):
    """Gaussian grain, new in every frame.

    Attributes:
        sigma: standard deviation in steps of 1 / 255.
    """

    sigma: float

    def _name(self) -> str:
        return f"noise-{self.sigma:g}"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        grain = (self.sigma * rng.standard_normal(clip.frames.shape[1:], dtype=np.float32) for _ in clip.frames)
        return with_frames(clip, [_rounded(rgb + g) for rgb, g in zip(clip.frames, grain, strict=True)])


@dataclass(frozen=True)
class Brightness(Transform):
    """Lighter or darker; what gets lighter than white stays white.

    Attributes:
        factor: of every pixel value.
    """

    factor: float

    def _name(self) -> str:
        return f"brightness-{self.factor:g}"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        table = _rounded(np.arange(256) * self.factor)
        return replace(clip, frames=table[clip.frames])


@dataclass(frozen=True)
class Chain(Transform):
    """Several changes, one behind the other.

    Attributes:
        parts: in order.
        label: its name; "" = the names of the parts joined by "+".
    """

    parts: tuple[Transform, ...]
    label: str = ""

    def _name(self) -> str:
        return self.label or "+".join(part.name for part in self.parts)

    def _mapping(self) -> Mapping:
        whole = Mapping()
        for part in self.parts:
            whole = whole.then(part.mapping)
        return whole

    def _stages(self) -> tuple[Transform, ...]:
        return tuple(stage for part in self.parts for stage in part.stages)

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        for stage in self.stages:
            clip = stage.apply(clip, rng)
        return clip


def with_frames(clip: VideoClip, frames: Sequence[Frames] | Frames) -> VideoClip:
    """The clip with frames of another size."""
    stacked = np.stack(list(frames))
    return replace(clip, frames=stacked, width=stacked.shape[2], height=stacked.shape[1])


def _even(rgb: Frames) -> Frames:
    """A frame whose last row or column is shown twice where a side is odd: 4:2:0 codecs take even sides only."""
    height, width = rgb.shape[:2]
    return np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else rgb


def _rate(clip: VideoClip) -> float:
    """Mean frames per second, within what encoders take."""
    return float(np.clip(len(clip.times_s) / clip.duration_s, 1.0, 240.0))


def _rounded(values: NDArray[np.floating]) -> Frames:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
