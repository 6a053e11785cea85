"""The small clips of the stand-in: a photograph filmed by a panning camera, traces put in, sound if asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.synthetic import EFFECTS, Image, PixelBox, apply_effect, smooth

PHOTOS = ("chelsea.jpg", "coffee.jpg", "rocket.jpg")
ZOOM = 1.3
"""The photograph is this much larger than the frame, so that the camera has room to pan."""

NOISE = 2.0
"""Standard deviation of the sensor noise, in grey levels."""

AUDIO_RATE = 16_000


@dataclass(frozen=True)
class Trace:
    """One synthetic trace.

    Attributes:
        category: a key of `dtr.synthetic.EFFECTS`.
        box_px: left, top, width, height in the frame.
        first_frame: onset. num_frames: how long.
    """

    category: str
    box_px: tuple[int, int, int, int]
    first_frame: int
    num_frames: int


def write_clip(
    width: int, height: int, fps: int, num_frames: int, traces: Sequence[Trace], *, seed: int, with_audio: bool
) -> bytes:
    """An MP4 of a photograph with traces; the same arguments give the same bytes.

    Args:
        width, height: pixels, even. fps: frames per second. num_frames: length.
        traces: what is put in.
        seed: of photograph, camera and noise.
        with_audio: add a silent AAC track.
    """
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        name = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"crf": "26", "preset": "veryfast"} if name == "libx264" else {"q": "5"}
        stream: Any = out.add_stream(name, rate=Fraction(fps), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        if with_audio:
            _add_silence(out, num_frames / fps)
        for picture in render(width, height, fps, num_frames, traces, seed):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def render(
    width: int, height: int, fps: int, num_frames: int, traces: Sequence[Trace], seed: int
) -> Iterator[NDArray[np.uint8]]:
    """The frames of a clip, (height, width, 3) uint8 RGB each; arguments as for `write_clip`."""
    rng = np.random.default_rng(seed)
    photo = _photo(PHOTOS[rng.integers(len(PHOTOS))], round(width * ZOOM), round(height * ZOOM))
    room = np.array([photo.shape[1] - width, photo.shape[0] - height])
    start, end = rng.uniform(0, 1, (2, 2)) * room
    for index in range(num_frames):
        left, top = (int(v) for v in start + (end - start) * smooth(index / num_frames))
        frame = photo[top : top + height, left : left + width]
        for trace in traces:
            frame = _with_trace(frame, trace, index, fps)
        noisy = frame + rng.normal(0.0, NOISE, frame.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _with_trace(frame: Image, trace: Trace, index: int, fps: int) -> Image:
    """The frame with the trace in it while it lasts; it rises in half its usual time, since clips are short."""
    if not trace.first_frame <= index < trace.first_frame + trace.num_frames:
        return frame
    since_s = (index - trace.first_frame + 1) / fps
    amount = smooth(since_s / EFFECTS[trace.category].rise_s * 2)
    left, top, width, height = trace.box_px
    region = (left, top, left + width, top + height)
    return apply_effect(frame, trace.category, region, _beside(region, frame.shape[1]), since_s, amount)


def _beside(region: PixelBox, width: int) -> PixelBox:
    """As large a place as the region, half a width beside it, for a copy of what is there."""
    left, top, right, bottom = region
    shift = (right - left) // 2
    shift = shift if right + shift <= width else -min(shift, left)
    return left + shift, top, right + shift, bottom


@lru_cache(maxsize=32)
def _photo(name: str, width: int, height: int) -> Image:
    """A photograph of `dtr.assets`, cut to shape and resized: (height, width, 3) float32, 0 to 255."""
    from importlib.resources import as_file, files

    from PIL import Image as Pillow
    from PIL import ImageOps

    with as_file(files("dtr.assets") / name) as path, Pillow.open(path) as image:
        fitted = ImageOps.fit(image.convert("RGB"), (width, height), Pillow.Resampling.LANCZOS)
        return np.asarray(fitted, dtype=np.float32)


def _add_silence(out: Any, length_s: float) -> None:
    import av

    stream = out.add_stream("aac", rate=AUDIO_RATE, layout="mono")
    for start in range(0, round(length_s * AUDIO_RATE), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
