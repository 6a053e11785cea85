"""Small videos for the tests, made with PyAV; every frame carries its own number, so that a test can tell them apart.

The picture: four differently coloured quarters (red, green / blue, yellow) above a strip of ten black or white cells
that spell the frame number in binary, most significant bit on the left. A bright bar moves right by a step a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

NUMBER_BITS = 10
QUARTERS = {
    "top_left": (200, 30, 30),
    "top_right": (30, 180, 30),
    "bottom_left": (30, 30, 200),
    "bottom_right": (200, 200, 30),
}
Picture = Callable[[int, int, int], NDArray[np.uint8]]


def numbered_picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of one frame: asymmetric in both directions, numbered, moving."""
    rgb = np.empty((height, width, 3), dtype=np.uint8)
    strip = max(1, round(height * 0.7))
    middle_y, middle_x = strip // 2, width // 2
    rgb[:middle_y, :middle_x] = QUARTERS["top_left"]
    rgb[:middle_y, middle_x:] = QUARTERS["top_right"]
    rgb[middle_y:strip, :middle_x] = QUARTERS["bottom_left"]
    rgb[middle_y:strip, middle_x:] = QUARTERS["bottom_right"]
    bar = number * 3 % max(1, width - 3)
    rgb[middle_y : middle_y + max(1, strip // 8), bar : bar + 3] = 255
    cells = np.minimum(np.arange(width) * NUMBER_BITS // width, NUMBER_BITS - 1)
    rgb[strip:] = (((number >> (NUMBER_BITS - 1 - cells)) & 1) * 255).astype(np.uint8)[None, :, None]
    return rgb


def frame_number(rgb: NDArray[np.uint8]) -> int:
    """The number a decoded frame of `numbered_picture` carries; survives lossy coding and resizing."""
    height, width = rgb.shape[:2]
    row = rgb[round(height * 0.85)].astype(np.float64).mean(axis=-1)
    centres = ((np.arange(NUMBER_BITS) + 0.5) * width / NUMBER_BITS).astype(int)
    bits = row[centres] > 127
    return int(sum(1 << (NUMBER_BITS - 1 - i) for i in range(NUMBER_BITS) if bits[i]))


def quarter_names(rgb: NDArray[np.uint8]) -> tuple[str, str, str, str]:
    """Which quarter is seen at top left, top right, bottom left, bottom right: ("top_left", …) when upright."""
    height, width = rgb.shape[:2]
    at = [(0.12, 0.25), (0.12, 0.75), (0.58, 0.25), (0.58, 0.75)]
    names = list(QUARTERS)
    colours = np.array([QUARTERS[n] for n in names], dtype=np.float64)
    seen = [rgb[int(y * height), int(x * width)].astype(np.float64) for y, x in at]
    found = [names[int(np.abs(colours - colour).sum(axis=1).argmin())] for colour in seen]
    return found[0], found[1], found[2], found[3]


def write_video(
    path: Path,
    *,
    num_frames: int = 12,
    width: int = 96,
    height: int = 64,
    fps: float = 12.0,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    times_s: Sequence[float] | None = None,
    last_duration_s: float | None = None,
    rotation_cw: int = 0,
    mirrored: bool = False,
    with_audio: bool = False,
    container: str | None = None,
    picture: Picture = numbered_picture,
) -> Path:
    """Writes a video and returns its path.

    Args:
        path: its suffix chooses the container unless `container` (an FFmpeg format name) is given.
        num_frames, width, height, fps: size of the *displayed* video.
        codec, pix_fmt, options: encoder, pixel format, encoder options.
        times_s: presentation time of every frame for a variable rate (then `fps` and `num_frames` are ignored).
        last_duration_s: display time of the last frame (default: that of the one before, else 1 / fps).
        rotation_cw: clockwise turn in degrees that the file asks the player for; frames are stored turned back.
        mirrored: the file asks for a left-right flip as well (MP4 and MOV only, like the rotation).
        with_audio: adds a silent AAC track.
        container: FFmpeg format name.
        picture: (number, width, height) → RGB.
    """
    times = [i / fps for i in range(num_frames)] if times_s is None else list(times_s)
    gap = 1 / fps if len(times) < 2 else times[-1] - times[-2]
    ends = [*times[1:], times[-1] + (gap if last_duration_s is None else last_duration_s)]
    turned = (width, height) if rotation_cw % 180 == 0 else (height, width)
    options = dict(options or {})
    if times_s is not None and codec == "libx264":
        options.setdefault("bf", "0")  # MP4 stores steps in decoding order: with B-frames the last length is lost
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=options)
        stream.width, stream.height = turned
        stream.pix_fmt = pix_fmt
        if times_s is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 12_000)
        audio = _add_silence(out, ends[-1]) if with_audio else None
        tick = stream.codec_context.time_base or Fraction(1, 12_000)
        duration = {round(t / tick): round((e - t) / tick) for t, e in zip(times, ends, strict=True)}
        for number, time in enumerate(times):
            stored = np.rot90(picture(number, width, height), rotation_cw // 90)
            stored = np.ascontiguousarray(stored[:, ::-1] if mirrored else stored)
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(time / tick), tick
            _mux(out, stream.encode(frame), duration, tick)
        _mux(out, stream.encode(None), duration, tick)
        if audio is not None:
            out.mux(audio.encode(None))
    if rotation_cw or mirrored:
        _write_orientation(path, rotation_cw, mirrored)
    return path


def write_audio(path: Path, *, duration_s: float = 1.0) -> Path:
    """Writes a file with sound and no picture."""
    with av.open(str(path), "w") as out:
        audio = _add_silence(out, duration_s)
        out.mux(audio.encode(None))
    return path


def _mux(out: Any, packets: Sequence[Any], duration: dict[int, int], tick: Fraction) -> None:
    for packet in packets:
        ticks = round(packet.pts * packet.time_base / tick)
        if ticks in duration:
            packet.duration = round(duration[ticks] * tick / packet.time_base)
        out.mux(packet)


def _add_silence(out: Any, duration_s: float) -> Any:
    stream = out.add_stream("aac", rate=16_000, layout="mono")
    for start in range(0, max(1024, round(duration_s * 16_000)), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
        out.mux(stream.encode(frame))
    return stream


def _write_orientation(path: Path, rotation_cw: int, mirrored: bool) -> None:
    """Overwrites the matrix of the first track header (ISO 14496-12, 8.3.2): x' = a·x + c·y, y' = b·x + d·y."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation_cw % 360]
    a, b, c, d = cos, sin, -sin, cos
    if mirrored:  # the flip comes first: x is negated before the turn
        a, b = -a, -b
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    one = 1 << 16
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))
