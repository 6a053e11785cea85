"""Annotations of a source → of its canonical file: traces are cut with the clip, boxes and seconds stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dtr.annotation import TraceAnnotation, VideoAnnotation

_FRAME_SLACK = 1e-6
"""In frames: binary fractions must not decide whether a frame is inside a span."""


@dataclass(frozen=True)
class TraceChanges:
    """What became of the traces of one video.

    Attributes:
        before, after: how many there were and are.
        dropped: where those stand that begin after the cut. clipped: of those that end after it.
        between_frames: of those so short that no frame of the new clip falls into them; they are kept.
        without_time: of those without a span, kept although the clip was cut.
    """

    before: int = 0
    after: int = 0
    dropped: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()
    between_frames: tuple[str, ...] = ()
    without_time: tuple[str, ...] = ()


def moved_video(
    video: VideoAnnotation, path: Path, *, width: int, height: int, fps: float, frames: int, is_cut: bool
) -> tuple[VideoAnnotation, TraceChanges]:
    """The annotation of a canonical file.

    Boxes are shares of the displayed frame and spans are seconds, so both stay as they are; what lies behind the end
    of the new file goes.

    Args:
        video: annotation of the source.
        path: of the new file.
        width, height, fps, frames: of it.
        is_cut: it is shorter than the source.

    Example:
        >>> clip = VideoAnnotation("v", Path("a.mp4"), "fake", traces=(TraceAnnotation(span_s=(0.5, 3.0)),))
        >>> new, changes = moved_video(clip, Path("b.mp4"), width=64, height=48, fps=6, frames=12, is_cut=True)
        >>> new.traces[0].span_s, new.duration_s, len(changes.clipped)
        ((0.5, 2.0), 2.0, 1)
    """
    end_s = frames / fps
    traces = None if video.traces is None else tuple(_moved(trace, end_s) for trace in video.traces)
    pairs = list(zip(video.traces or (), traces or (), strict=True))
    kept = [(old, new) for old, new in pairs if new is not None]
    changes = TraceChanges(
        before=len(pairs),
        after=len(kept),
        dropped=tuple(old.where for old, new in pairs if new is None),
        clipped=tuple(old.where for old, new in kept if old.span_s != new.span_s),
        between_frames=tuple(old.where for old, new in kept if not _is_shown(new, fps)),
        without_time=tuple(old.where for old, _ in kept if old.span_s is None and is_cut),
    )
    return replace(
        video,
        path=path,
        width=width,
        height=height,
        fps=fps,
        duration_s=end_s,
        traces=None if traces is None else tuple(new for _, new in kept),
    ), changes


def _moved(trace: TraceAnnotation, end_s: float) -> TraceAnnotation | None:
    """The trace up to `end_s`; None = it begins later."""
    boxes = tuple((time_s, box) for time_s, box in trace.boxes if time_s < end_s)
    if trace.span_s is None:
        return replace(trace, boxes=boxes)
    start_s, stop_s = trace.span_s
    return replace(trace, span_s=(start_s, min(stop_s, end_s)), boxes=boxes) if start_s < end_s else None


def _is_shown(trace: TraceAnnotation, fps: float) -> bool:
    """Whether a frame k / fps falls into the span of a trace (end excluded); True where there is none."""
    if trace.span_s is None:
        return True
    start, stop = trace.span_s[0] * fps, trace.span_s[1] * fps
    return bool(np.ceil(start - _FRAME_SLACK) < stop - _FRAME_SLACK)
