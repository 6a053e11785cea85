"""What sites, apps and recorders draw over a video or make of it: a caption bar, a badge, a filmed screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.robustness.mapping import Mapping, quad
from dtr.robustness.transforms import Frames, Transform, with_frames
from dtr.video.types import VideoClip

CAPTIONS = ("wait for it", "look at this", "so I tried it today", "part 2 is out now", "who else remembers this")
"""Words that fit any video and say nothing about how it was made."""

BADGES = ("LIVE", "HD", "clips", "@daily")


@dataclass(frozen=True)
class Caption(Transform):
    """A dark bar with words along the lower edge. It may hide a trace: annotations stay as they are.

    Attributes:
        share: of the frame's height.
    """

    share: float = 0.14

    def _name(self) -> str:
        return "caption"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        from PIL import ImageDraw

        height, width = clip.frames.shape[1:3]
        high = max(8, round(self.share * height))
        words = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
        layer = clear_layer(width, height)
        draw = ImageDraw.Draw(layer)
        draw.rectangle((0, height - high, width, height), fill=(12, 12, 14, 205))
        font = fitting_font(words, 0.55 * high, 0.92 * width)
        draw.text((width / 2, height - high / 2), words, font=font, fill=(255, 255, 255, 255), anchor="mm")
        return _over(clip, layer)


@dataclass(frozen=True)
class Badge(Transform):
    """A small mark in one of the corners. It may hide a trace: annotations stay as they are.

    Attributes:
        share: its height as a share of the frame's shorter side.
    """

    share: float = 0.09

    def _name(self) -> str:
        return "badge"

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        from PIL import ImageDraw

        height, width = clip.frames.shape[1:3]
        high = max(8, round(self.share * min(width, height)))
        words, corner = BADGES[int(rng.integers(len(BADGES)))], int(rng.integers(4))
        font = fitting_font(words, 0.6 * high, 0.5 * width)
        wide, gap = round(font.getlength(words) + 0.8 * high), high // 2
        x = gap if corner % 2 == 0 else width - gap - wide
        y = gap if corner < 2 else height - gap - high
        layer = clear_layer(width, height)
        draw = ImageDraw.Draw(layer)
        draw.rounded_rectangle((x, y, x + wide, y + high), radius=high / 4, fill=(214, 40, 57, 225))
        draw.text((x + wide / 2, y + high / 2), words, font=font, fill=(255, 255, 255, 255), anchor="mm")
        return _over(clip, layer)


@dataclass(frozen=True)
class FilmedScreen(Transform):
    """The video as a slightly slanted picture on a dark desk: border, perspective, gamma, and moiré of two pixel grids.

    Attributes:
        corners: where the frame's corners go, in [0, 1]: upper left, upper right, lower right, lower left.
        gamma: of the screen against the camera; above 1 = darker.
        moire: strength of the pattern, as a share of the light.
    """

    corners: tuple[tuple[float, float], ...] = ((0.05, 0.06), (0.96, 0.04), (0.94, 0.95), (0.04, 0.93))
    gamma: float = 1.15
    moire: float = 0.06

    def _name(self) -> str:
        return "screen"

    def _mapping(self) -> Mapping:
        return quad(self.corners)

    def _change(self, clip: VideoClip, rng: np.random.Generator) -> VideoClip:
        height, width = clip.frames.shape[1:3]
        table = (255 * (np.arange(256) / 255) ** self.gamma).astype(np.float32)
        light = 1 + self.moire * _ripples(width, height, rng)
        frames = np.empty_like(clip.frames)
        for number, rgb in enumerate(clip.frames):
            slanted = table[_slanted(rgb, self.mapping.matrix)] * light
            frames[number] = np.clip(slanted + 0.5, 0, 255)
        return with_frames(clip, frames)


def _slanted(rgb: Frames, matrix: NDArray[np.float64]) -> Frames:
    """A frame whose points have moved by a homography of [0, 1]; dark where nothing is."""
    from PIL import Image

    height, width = rgb.shape[:2]
    pixels = np.diag([width, height, 1.0])
    # PIL asks for the way back, from a pixel of the result to one of the source.
    back = pixels @ np.linalg.inv(matrix) @ np.linalg.inv(pixels)
    numbers = (back / back[2, 2]).ravel()[:8].tolist()
    picture = Image.fromarray(rgb).transform(
        (width, height), Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC, fillcolor=(22, 22, 26)
    )
    return np.asarray(picture)


def _ripples(width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W, 3) in [−1, 1]: slow waves at a slant, a little apart in each colour as on a striped pixel grid."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / min(width, height)
    angle, phase = rng.uniform(0.2, 1.2), rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    waves = [np.sin(2 * np.pi * (18 + shift) * along + phase) for shift in (0.0, 0.6, 1.2)]
    return np.stack(waves, axis=-1).astype(np.float32)


def clear_layer(width: int, height: int) -> Any:
    """A Pillow picture to draw on, transparent all over."""
    from PIL import Image

    return Image.new("RGBA", (width, height), (0, 0, 0, 0))


def fitting_font(words: str, size: float, room: float) -> Any:
    """Pillow's own font, as large as fits."""
    from PIL import ImageFont

    font: Any = ImageFont.load_default(size=max(6.0, size))
    shrink = min(1.0, room / font.getlength(words))
    return ImageFont.load_default(size=max(6.0, size * shrink))


def _over(clip: VideoClip, layer: Any) -> VideoClip:
    """Every frame with the layer drawn on it; only the layer's own rectangle is touched."""
    box = layer.getbbox()
    x0, y0, x1, y1 = box
    patch = np.asarray(layer.crop(box), dtype=np.float32)
    cover = patch[..., 3:] / 255
    frames = clip.frames.copy()
    region = frames[:, y0:y1, x0:x1]
    for rgb in region:
        rgb[:] = rgb * (1 - cover) + patch[..., :3] * cover + 0.5
    return with_frames(clip, frames)
