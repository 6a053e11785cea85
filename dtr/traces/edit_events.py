"""What is done to footage afterwards: cuts, dissolves, fades, captions, logos, coarse compression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.robustness.drawing import BADGES, CAPTIONS, clear_layer, fitting_font
from dtr.traces.camera_events import Frames, Times, with_light
from dtr.traces.opencv import opencv
from dtr.traces.smooth import smoothstep
from dtr.video.recode import recode_rgb

COARSE: dict[str, tuple[int, int]] = {"h264": (36, 46), "mpeg4": (14, 31), "mjpeg": (14, 31)}
"""Quality levels of codecs at which blocks and smears are seen."""


def cut(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """From some frame on, another shot: the other clip, or an earlier part of this one, seen closer.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: (M, h, w, 3) uint8 or None.

    Returns:
        (N, H, W, 3) uint8.
    """
    place = int(rng.integers(1, len(frames)))
    out = frames.copy()
    out[place:] = _other_shot(frames, donor, len(frames) - place, place, rng)
    return out


def dissolve(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """As `cut`, but the shots pass into each other within a second.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: (M, h, w, 3) uint8 or None.

    Returns:
        (N, H, W, 3) uint8.
    """
    cv2 = opencv()
    place = int(rng.integers(1, len(frames)))
    since = np.asarray(times_s[place:]) - times_s[place]
    share = smoothstep(0.05 + since / float(rng.uniform(0.25, 1.0)))
    other = _other_shot(frames, donor, len(frames) - place, place, rng)
    out = frames.copy()
    for rgb, shot, weight in zip(out[place:], other, share, strict=True):
        rgb[:] = cv2.addWeighted(rgb, 1 - float(weight), shot, float(weight), 0)
    return out


def _other_shot(frames: Frames, donor: Frames | None, count: int, place: int, rng: np.random.Generator) -> Frames:
    """`count` frames of another shot at this clip's size; those that a short donor lacks run backwards from its end."""
    height, width = frames.shape[1:3]
    foreign, start_share, zoom = rng.random() < 0.6, rng.random(), rng.uniform(1.25, 1.8)
    corner = rng.random(2)
    if donor is not None and len(donor) and foreign:
        order = _there_and_back(len(donor), count)
        return np.stack([_filled(donor[i], width, height) for i in order])
    order = int(start_share * min(place, len(frames) - count + 1)) + np.arange(count)
    wide, high = max(2, int(width / zoom)), max(2, int(height / zoom))
    x, y = (np.array([width - wide, height - high]) * corner).astype(int)
    return np.stack([_filled(frames[i, y : y + high, x : x + wide], width, height) for i in order])


def _there_and_back(length: int, count: int) -> NDArray[np.int64]:
    """Frame numbers that run to the end of a shot and back, as often as needed: (count,).

    Example:
        >>> _there_and_back(3, 7).tolist()
        [0, 1, 2, 1, 0, 1, 2]
    """
    around = np.arange(count) % max(1, 2 * length - 2)
    return np.where(around < length, around, 2 * length - 2 - around)


def _filled(rgb: Frames, width: int, height: int) -> Frames:
    """A picture scaled and cut so that it fills width × height."""
    cv2 = opencv()
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    if scale != 1:
        size = max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return rgb[y : y + height, x : x + width]


def fade(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """The clip comes out of black or white, goes into it, or both.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    t = np.asarray(times_s, dtype=np.float64)
    comes, goes = [(True, False), (False, True), (True, True)][int(rng.integers(3))]
    takes_s = np.minimum(rng.uniform(0.2, 1.2, 2), 0.45 * (t[-1] - t[0]) + 1e-6)
    left = smoothstep(0.02 + (t - t[0]) / takes_s[0]) if comes else np.ones_like(t)
    left = left * (smoothstep(0.02 + (t[-1] - t) / takes_s[1]) if goes else 1.0)
    level = 255.0 if rng.random() < 0.2 else 0.0
    return with_light(frames, np.repeat(left[:, None], 3, axis=1), level * (1 - left))


def caption(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """Words on the picture, with an outline or on a bar, that appear and may go again.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    from PIL import ImageDraw

    height, width = frames.shape[1:3]
    layer = clear_layer(width, height)
    draw = ImageDraw.Draw(layer)
    words = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
    words = words.upper() if rng.random() < 0.3 else words
    font = fitting_font(words, float(rng.uniform(0.05, 0.11)) * height, 0.9 * width)
    at = width / 2, height * float(rng.choice([rng.uniform(0.78, 0.93), rng.uniform(0.08, 0.5)]))
    ink = tuple(int(v) for v in rng.choice([[255, 255, 255], [255, 225, 60], [245, 245, 235]]))
    if rng.random() < 0.4:
        x0, y0, x1, y1 = draw.textbbox(at, words, font=font, anchor="mm")
        room = 0.3 * (y1 - y0)
        draw.rectangle((x0 - room, y0 - room, x1 + room, y1 + room), fill=(10, 10, 12, int(rng.uniform(120, 235))))
        draw.text(at, words, font=font, fill=(*ink, 255), anchor="mm")
    else:
        edge = max(1, round(0.006 * height))
        draw.text(at, words, font=font, fill=(*ink, 255), anchor="mm", stroke_width=edge, stroke_fill=(0, 0, 0, 255))
    return _over(frames, layer, _shown(times_s, rng))


def logo(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """A mark in a corner, from the start or fading in: a filled shape, words, or both.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    from PIL import ImageDraw

    height, width = frames.shape[1:3]
    layer = clear_layer(width, height)
    draw = ImageDraw.Draw(layer)
    high = max(6.0, float(rng.uniform(0.05, 0.13)) * min(height, width))
    words = BADGES[int(rng.integers(len(BADGES)))] if rng.random() < 0.7 else ""
    font = fitting_font(words or "x", 0.6 * high, 0.4 * width)
    wide = high + (font.getlength(words) + 0.3 * high if words else 0.0)
    right, low = rng.random(2) < 0.5
    x = width - wide - 0.4 * high if right else 0.4 * high
    y = height - 1.4 * high if low else 0.4 * high
    alpha = int(rng.uniform(110, 255))
    ink = tuple(int(v) for v in rng.integers(40, 256, 3))
    shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
    shape((x, y, x + high, y + high), fill=(*ink, alpha), outline=(255, 255, 255, alpha))
    if words:
        draw.text((x + 1.3 * high, y + high / 2), words, font=font, fill=(255, 255, 255, alpha), anchor="lm")
    return _over(frames, layer, np.ones(len(frames)) if rng.random() < 0.5 else _shown(times_s, rng))


def compression(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """A part of the clip, or all of it, coded so coarsely that it can be seen, as when a line is too slow.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.

    Raises:
        VideoError: a codec cannot take frames of this size.
    """
    codec = str(rng.choice(list(COARSE)))
    level = int(rng.integers(COARSE[codec][0], COARSE[codec][1] + 1))
    length = max(2, int(len(frames) * rng.uniform(0.15, 1.0)))
    start = int(rng.integers(0, max(1, len(frames) - length + 1)))
    fps = float(np.clip((len(times_s) - 1) / max(times_s[-1] - times_s[0], 1e-3), 1.0, 60.0))
    out = frames.copy()
    height, width = frames.shape[1:3]
    padding = ((0, height % 2), (0, width % 2), (0, 0))
    even = (np.pad(rgb, padding, mode="edge") for rgb in frames[start : start + length])
    for rgb, coded in zip(out[start:], recode_rgb(even, codec, level, fps=fps), strict=False):
        rgb[:] = coded[:height, :width]
    return out


def _shown(times_s: Times, rng: np.random.Generator) -> NDArray[np.float64]:
    """How much of an overlay is there at each time: it appears, at once or fading in, and stays or goes again."""
    t = np.asarray(times_s, dtype=np.float64)
    start, stop = np.sort(rng.uniform(t[0], t[-1], 2))
    takes_s = float(rng.choice([1e-3, rng.uniform(0.1, 0.5)]))
    start = t[0] - 1 if rng.random() < 0.25 else start
    stop = t[-1] + 1 if rng.random() < 0.5 else stop
    return np.minimum(smoothstep((t - start) / takes_s), smoothstep((stop - t) / takes_s))


def _over(frames: Frames, layer: Any, shown: NDArray[np.float64]) -> Frames:
    """The layer on every frame, as far as it is shown; only its own rectangle is touched."""
    x0, y0, x1, y1 = layer.getbbox()
    ink = np.asarray(layer.crop((x0, y0, x1, y1)), dtype=np.float32)
    out = frames.copy()
    for index in np.flatnonzero(shown > 0.004):
        region = out[index, y0:y1, x0:x1]
        cover = ink[..., 3:] / 255 * np.float32(shown[index])
        region[:] = region + cover * (ink[..., :3] - region) + 0.5
    return out
