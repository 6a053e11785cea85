"""Pictures of a trace for the gallery: a few moments of the twin and of the traced clip, cut to the same place."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box, Span, TraceAnnotation
from dtr.report.svg import Canvas
from dtr.targets import boxes_at
from dtr.traces.scene import Roi
from dtr.video import open_video
from dtr.video.scale import resize_rgb

MOMENTS = 6
SIDE_PX = 232
QUALITY = 76
AROUND = 0.5
"""What is shown around a trace on each side, as a share of its box."""

WHOLE = 0.6
"""A cut-out that would show more than this share of the frame shows all of it."""


@dataclass(frozen=True)
class Moment:
    """One moment of a trace.

    Attributes:
        time_s: of the frame. words: where it lies in the trace.
        twin, traced: pictures with the box, if it is there at that time.
    """

    time_s: float
    words: str
    twin: Canvas
    traced: Canvas


def moments_of(span_s: Span, duration_s: float, count: int = MOMENTS) -> list[float]:
    """Times to look at: shortly before the onset, evenly through the trace, and shortly after it.

    Args:
        span_s: of the trace. duration_s: of the clip; moments outside of it go to the trace itself.
        count: of moments.

    Example:
        >>> [round(t, 2) for t in moments_of((1.0, 2.0), 4.0, 5)], len(moments_of((0.0, 4.0), 4.0, 5))
        ([0.88, 1.02, 1.5, 1.98, 2.12], 5)
    """
    start, end = span_s
    gap = min(0.12 * (end - start), 0.3)
    before = [start - gap] if start - gap >= 0 else []
    after = [end + gap] if end + gap < duration_s else []
    edge = 0.02 * (end - start)
    inside = np.linspace(start + edge, end - edge, count - len(before) - len(after))
    return [*before, *(float(t) for t in inside), *after]


def trace_moments(twin: Path, traced: Path, trace: TraceAnnotation, duration_s: float) -> tuple[list[Moment], Canvas]:
    """Moments of a trace, and the whole traced frame in its middle.

    Args:
        twin, traced: the two files. trace: with span and boxes. duration_s: of the clip.

    Raises:
        VideoError: a file cannot be read.
    """
    span = trace.span_s or (0.0, duration_s)
    times = moments_of(span, duration_s)
    middle = (span[0] + span[1]) / 2
    wanted = sorted({*times, middle})
    clean, painted = frames_at(twin, wanted), frames_at(traced, wanted)
    height, width = clean[middle].shape[:2]
    roi = cut_out(trace.box or (0.0, 0.0, 1.0, 1.0), width, height)
    found = []
    for time_s in times:
        inside = span[0] <= time_s <= span[1]
        box = _box_at(trace, time_s) if inside else None
        words = "in it" if inside else "before" if time_s < span[0] else "after"
        pictures = [
            picture(frames[time_s], roi, box, f"{name} at {time_s:.2f} s")
            for frames, name in ((clean, "clean twin"), (painted, "traced clip"))
        ]
        found.append(Moment(time_s, words, *pictures))
    whole = picture(painted[middle], (0, 0, width, height), _box_at(trace, middle), f"whole frame at {middle:.2f} s")
    return found, whole


def frames_at(path: Path, times_s: Sequence[float]) -> dict[float, NDArray[np.uint8]]:
    """The frames on the screen at some times, in one pass; the last one where the video is over by then.

    Args:
        path: of a video. times_s: increasing.

    Raises:
        VideoError: the file cannot be read.
    """
    found: dict[float, NDArray[np.uint8]] = {}
    waiting = list(times_s)
    with open_video(path) as reader:
        shown = None
        for frame in reader:
            while shown is not None and waiting and frame.time_s > waiting[0] + 1e-6:
                found[waiting.pop(0)] = shown.rgb()
            if not waiting:
                break
            shown = frame
        if shown is not None and waiting:
            last = shown.rgb()
            found |= dict.fromkeys(waiting, last)
    return found


def cut_out(box: Box, width: int, height: int) -> Roi:
    """What to show of a frame around a box: (x0, y0, x1, y1) pixels.

    Example:
        >>> cut_out((0.4, 0.4, 0.5, 0.6), 200, 100), cut_out((0.1, 0.1, 0.9, 0.9), 200, 100)
        ((70, 30, 110, 70), (0, 0, 200, 100))
    """
    wide, high = (box[2] - box[0]) * width, (box[3] - box[1]) * height
    # A square around the trace: all pictures of a page are of one shape, whatever the trace's is.
    side = min(max(wide, high) * (1 + 2 * AROUND), max(width, height))
    x, y = (box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height
    across, down = min(side, width), min(side, height)
    if across * down > WHOLE * width * height:
        return 0, 0, width, height
    x0 = round(min(max(0.0, x - across / 2), width - across))
    y0 = round(min(max(0.0, y - down / 2), height - down))
    return x0, y0, x0 + round(across), y0 + round(down)


def picture(rgb: NDArray[np.uint8], roi: Roi, box: Box | None, alt: str) -> Canvas:
    """A part of a frame as a drawing, with a box.

    Args:
        rgb: (H, W, 3) uint8. roi: of the frame, pixels. box: xyxy of the frame in [0, 1]. alt: what it shows.
    """
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = roi
    scale = SIDE_PX / max(x1 - x0, y1 - y0)
    wide, high = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    canvas = Canvas(wide, high, alt, "still")
    small = resize_rgb(np.ascontiguousarray(rgb[y0:y1, x0:x1]), wide, high)
    canvas.add("image", href=_data_uri(small), width=float(wide), height=float(high))
    if box is not None:
        left, right = ((v * width - x0) * scale for v in (box[0], box[2]))
        top, bottom = ((v * height - y0) * scale for v in (box[1], box[3]))
        for cls in ("tube under", "tube"):  # a dark line below keeps the light one visible on any picture
            canvas.add("rect", cls, x=left, y=top, width=max(1.0, right - left), height=max(1.0, bottom - top))
    return canvas


def _box_at(trace: TraceAnnotation, time_s: float) -> Box:
    x0, y0, x1, y1 = (float(v) for v in boxes_at(trace, np.array(time_s)))
    return x0, y0, x1, y1


def _data_uri(rgb: NDArray[np.uint8]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
