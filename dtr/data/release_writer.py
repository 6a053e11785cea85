"""Writes annotations in the released form, one row a trace, and counts what that form cannot hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.boxes import to_ltwh_px
from dtr.data.rows import TRACE_FIELDS
from dtr.data.tags import read_tags

Row = dict[str, Any]

RELEASE_LOSSES: dict[str, str] = {
    "unlabelled": "{n} videos without a label are left out",
    "real_unknown": "{n} real videos that nobody looked at are read back as looked at",
    "exhaustive": "{n} generated videos were marked exhaustively and are read back as not",
    "not_exhaustive": "{n} real videos were not marked exhaustively and are read back as if",
    "blank_trace": "{n} traces that say nothing are left out",
    "boxes": "boxes over time of {n} traces are kept only as one box, their union where there is no other",
    "box": "{n} boxes are left out: the frame size of their video is not known",
    "span": "{n} spans are left out: the frame rate of their video is not known",
    "categories": "categories of {n} traces are kept only as far as their raw tags say them",
    "facts": "facts of {n} files (codec, hash, style, source repository, …) are left out",
}
"""What a conversion to the released form may lose, by kind."""

HELD_FACTS = {"prompt": "video_prompt", "mime_type": "video_mime_type", "num_frames": "video_frame_count"}
"""Facts that a released row has a field for."""

NONE_TAG = "None of the above"
"""The tag that means "looked at, in none of the nine categories" (`dtr.data.tags` reads it so)."""


def release_rows(
    video: VideoAnnotation, path: str, facts: Mapping[str, Any], losses: Counter[str], mime_type: str = "video/mp4"
) -> list[Row]:
    """The rows of one video: one per trace, or one that only names the video.

    Args:
        video: annotation.
        path: of its media, relative to the file of rows.
        facts: what is known of the file beside the annotation.
        losses: counts, by a key of `RELEASE_LOSSES`, what the rows do not say.
        mime_type: where the facts state none.
    """
    if video.label is None:
        losses["unlabelled"] += 1
        return []
    known = {HELD_FACTS[name]: value for name, value in facts.items() if name in HELD_FACTS}
    shared: Row = {
        "video_id": video.video_id,
        "video_path": path,
        "video_type": f"{video.label}_video",
        "video_source": video.source,
        "video_prompt": known.get("video_prompt", ""),
        "video_mime_type": known.get("video_mime_type", mime_type),
        "split": video.split or "",
        "video_width": video.width,
        "video_height": video.height,
        "video_frame_rate": video.fps,
        "video_frame_count": known.get("video_frame_count"),
        "video_duration": video.duration_s,
    }
    _count_video_losses(video, facts, losses)
    if video.label == "real":
        return [shared]
    rows = [_trace_fields(trace, video, losses) for trace in video.traces or ()]
    filled = [row for row in rows if any(value not in ("", None, []) for value in row.values())]
    losses["blank_trace"] += len(rows) - len(filled)
    return [shared | row for row in filled] or [shared | dict.fromkeys(TRACE_FIELDS)]


def _count_video_losses(video: VideoAnnotation, facts: Mapping[str, Any], losses: Counter[str]) -> None:
    losses["facts"] += any(name not in HELD_FACTS for name in facts)
    if video.label == "real":
        losses["real_unknown"] += video.traces is None
        losses["not_exhaustive"] += not video.exhaustive
    else:
        losses["exhaustive"] += video.exhaustive


def _trace_fields(trace: TraceAnnotation, video: VideoAnnotation, losses: Counter[str]) -> Row:
    first_frame, length_s = _span(trace, video, losses)
    fields: Row = {
        "faketrace_bbox": _bbox_px(trace, video, losses),
        "faketrace_first_frame": first_frame,
        "faketrace_duration": length_s,
        "faketrace_check_applies": _tags(trace, losses),
        "faketrace_explanations": trace.explanation or "",
    }
    return fields if trace.confidence is None else fields | {"confidence": trace.confidence}


def _bbox_px(trace: TraceAnnotation, video: VideoAnnotation, losses: Counter[str]) -> dict[str, float] | None:
    box = trace.extent
    losses["boxes"] += bool(trace.boxes)
    if box is None:
        return None
    if video.width is None or video.height is None:
        losses["box"] += 1
        return None
    numbers = (_whole(float(v)) for v in to_ltwh_px(box, video.width, video.height))
    return dict(zip(("left", "top", "width", "height"), numbers, strict=True))


def _span(trace: TraceAnnotation, video: VideoAnnotation, losses: Counter[str]) -> tuple[float | None, float | None]:
    """First frame and duration in seconds; a start between two frames stays between them."""
    if trace.span_s is None:
        return None, None
    if video.fps is None:
        losses["span"] += 1
        return None, None
    start, end = trace.span_s
    return _whole(start * video.fps), round(end - start, 9)


def _tags(trace: TraceAnnotation, losses: Counter[str]) -> list[str]:
    """Raw tags as written; the names of the categories where no tag was written."""
    if trace.raw_tags:
        losses["categories"] += read_tags(trace.raw_tags)[0] != trace.categories
        return list(trace.raw_tags)
    if trace.categories is None:
        return []
    return [name for name in CATEGORIES if name in trace.categories] or [NONE_TAG]


def _whole(value: float) -> float:
    """An int where the number is one but for rounding.

    Example:
        >>> _whole(12.0000000001), _whole(12.5)
        (12, 12.5)
    """
    return round(value) if abs(value - round(value)) < 1e-6 else round(value, 9)
