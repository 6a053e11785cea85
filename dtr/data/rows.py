"""One row of the released `all_data.json` → what it says of the video, and of one trace."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from dtr.annotation import Box, Label, Span, TraceAnnotation, VideoAnnotation
from dtr.boxes import clip_boxes, from_ltwh_px
from dtr.data.fields import RowReader, to_number
from dtr.data.tags import read_tags

SPLITS: tuple[str, ...] = ("train", "val", "test")
"""Split names, spelled as in the release."""

BOX_TOLERANCE_PX = 1.0
"""A box may leave the frame by this much (rounding in the annotation tool) before that is a problem."""

_LABELS: dict[str, Label] = {"fake_video": "fake", "real_video": "real", "fake": "fake", "real": "real"}

TRACE_FIELDS: tuple[str, ...] = (
    "faketrace_bbox",
    "faketrace_first_frame",
    "faketrace_duration",
    "faketrace_check_applies",
    "faketrace_explanations",
)


_SPAN_FIELDS = ("faketrace_first_frame", "faketrace_duration", "video_frame_rate")


def read_video(reader: RowReader, root: Path) -> VideoAnnotation | None:
    """What a row says of its video, without traces.

    Args:
        reader: the row.
        root: folder that `video_path` is relative to.

    Returns:
        The video; None = the row has no usable id or path, recorded as "bad_row".
    """
    path = reader.path("video_path")
    if not reader.video_id or path is None:
        missing = "video_path" if reader.video_id else "video_id"
        reader.lost("bad_row", f"expected text in {missing}, got {reader.row.get(missing)!r}")
        return None
    label = read_label(reader, "video_type")
    fps = reader.number("video_frame_rate", above=0)
    return VideoAnnotation(
        video_id=reader.video_id,
        path=root / path,
        label=label,
        source=reader.text("video_source") or "",
        split=read_split(reader),
        width=reader.whole("video_width", above=0),
        height=reader.whole("video_height", above=0),
        fps=fps,
        duration_s=_duration_s(reader, fps),
        traces=() if label == "real" else None,
        exhaustive=label == "real",
        where=reader.where,
    )


def read_label(reader: RowReader, key: str) -> Label | None:
    """The label in the release's words or in plain ones; None = unknown, recorded."""
    text = reader.text(key)
    label = _LABELS.get((text or "").casefold())
    if label is None:
        reader.lost("unknown_label", f"{key} must be fake_video or real_video, got {reader.row.get(key)!r}")
    return label


def read_split(reader: RowReader) -> str | None:
    """The split; None = not assigned, or not a known one (recorded)."""
    text = reader.text("split")
    if text is None or text in SPLITS:
        return text
    reader.lost("unknown_split", f"split must be one of {', '.join(SPLITS)}, got {text!r}")
    return None


def read_facts(reader: RowReader) -> dict[str, Any]:
    """What a row says of the file beside the annotation: prompt, MIME type, number of frames; blanks left out."""
    facts = {
        "prompt": reader.text("video_prompt"),
        "mime_type": reader.text("video_mime_type"),
        "num_frames": reader.whole("video_frame_count", above=0),
    }
    return {key: value for key, value in facts.items() if value is not None}


def read_trace(reader: RowReader, video: VideoAnnotation) -> TraceAnnotation | None:
    """The trace of a row; None = the row has none (or, recorded, none that can be used).

    Args:
        reader: the row.
        video: its video: frame size, rate and duration.
    """
    if all(reader.is_blank(key) for key in TRACE_FIELDS):
        return None
    if video.label == "real":
        filled = [key for key in TRACE_FIELDS if not reader.is_blank(key)]
        reader.lost("trace_on_real", f"a real video must carry no trace, got {', '.join(filled)}")
        return None
    raw_tags = reader.texts("faketrace_check_applies")
    categories, unknown = read_tags(raw_tags or ())
    for tag in unknown:
        reader.mended("unknown_tag", f"the tag {tag!r} fits none of the categories; it is kept as written")
    return TraceAnnotation(
        span_s=read_span(reader, video),
        box=read_box(reader, video),
        categories=categories,
        raw_tags=raw_tags or (),
        explanation=reader.text("faketrace_explanations"),
        confidence=reader.number("confidence"),
        where=reader.where,
    )


def read_box(reader: RowReader, video: VideoAnnotation) -> Box | None:
    """Left, top, width, height in pixels → xyxy in [0, 1], clipped; None = not annotated, or not usable (recorded)."""
    ltwh = _ltwh_px(reader)
    if ltwh is None:
        return None
    if video.width is None or video.height is None:
        reader.lost("partial_trace", "faketrace_bbox needs video_width and video_height, which are not stated")
        return None
    left, top, width, height = ltwh
    if not (width > 0 and height > 0):
        reader.lost("reversed_box", f"faketrace_bbox needs width and height above 0, got {width:g} x {height:g}")
        return None
    beyond = max(-left, -top, left + width - video.width, top + height - video.height)
    x0, y0, x1, y1 = (float(v) for v in clip_boxes(from_ltwh_px(ltwh, video.width, video.height)))
    message = f"faketrace_bbox leaves the {video.width}x{video.height} frame by {beyond:g} px"
    if not (x0 < x1 and y0 < y1):
        reader.lost("box_outside", f"{message} and does not touch it")
        return None
    if beyond > BOX_TOLERANCE_PX:
        reader.mended("box_outside", f"{message}; it is clipped")
    return x0, y0, x1, y1


def _ltwh_px(reader: RowReader) -> list[float] | None:
    """The four numbers of `faketrace_bbox`; None = blank, or recorded."""
    key = "faketrace_bbox"
    if reader.is_blank(key):
        return None
    box = reader.row[key]
    names = ("left", "top", "width", "height")
    if not isinstance(box, dict) or any(name not in box for name in names):
        reader.lost("wrong_type", f"{key} must be an object with {', '.join(names)}, got {box!r:.60}")
        return None
    numbers = [reader.as_number(f"{key}.{name}", box[name]) for name in names]
    known = [n for n in numbers if n is not None]
    return known if len(known) == len(names) else None


def read_span(reader: RowReader, video: VideoAnnotation) -> Span | None:
    """First frame / frame rate and duration → (onset, offset) seconds, clipped to the video.

    Returns:
        The span; None = not annotated, or not usable (recorded).

    Source: DeeptraceReward (arXiv 2509.22646), released fields `faketrace_first_frame`, `faketrace_duration`.
    """
    first_frame = reader.number("faketrace_first_frame")
    length_s = reader.number("faketrace_duration")
    if first_frame is None and length_s is None:
        return None
    if first_frame is None or length_s is None or video.fps is None:
        blank = [key for key in _SPAN_FIELDS if reader.is_blank(key)]
        if blank:  # a field that is there and wrong has been recorded already
            reader.lost("partial_trace", f"a span needs {', '.join(_SPAN_FIELDS)}, got no {', '.join(blank)}")
        return None
    if length_s < 0:
        reader.lost("reversed_span", f"faketrace_duration must be above 0 s, got {length_s:g}")
        return None
    if length_s == 0:
        length_s = 1 / video.fps
        reader.mended("reversed_span", "faketrace_duration is 0 s; it is read as one frame")
    onset_s = first_frame / video.fps
    return clip_to_video(reader, (onset_s, onset_s + length_s), video.duration_s, tolerance_s=1 / video.fps)


def clip_to_video(reader: RowReader, span_s: Span, duration_s: float | None, *, tolerance_s: float) -> Span | None:
    """A span limited to the video; what lies further outside than the tolerance is recorded."""
    end_s = math.inf if duration_s is None else duration_s
    start, end = max(span_s[0], 0.0), min(span_s[1], end_s)
    beyond = max(-span_s[0], span_s[1] - end_s)
    message = f"the span {span_s[0]:.3f} to {span_s[1]:.3f} s leaves the video of {end_s:.3f} s"
    if not start < end:
        reader.lost("span_outside", f"{message} and does not touch it")
        return None
    if beyond > tolerance_s + 1e-6:
        reader.mended("span_outside", f"{message}; it is clipped")
    return start, end


def _duration_s(reader: RowReader, fps: float | None) -> float | None:
    """Stated duration; frames / rate where it is blank."""
    if not reader.is_blank("video_duration"):
        return reader.number("video_duration", above=0)
    frames = to_number(reader.row.get("video_frame_count"))  # `read_facts` records a wrong one
    if fps is None or frames is None or not 0 < frames < math.inf:
        return None
    return frames / fps
