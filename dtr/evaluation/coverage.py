"""How much of the truth was answered at all, and how much of the answers could be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dtr.evaluation.items import Item
from dtr.evaluation.paper import num_rows
from dtr.evaluation.rows import Policy, model_answer

LISTED = 20
"""So many ids or problems are written out; the rest is counted."""


def coverage(items: Sequence[Item]) -> dict[str, Any]:
    """Counts of truth and of answers.

    Args:
        items: videos with answers.

    Returns:
        Plain JSON types: "truth" (videos, rows and what is annotated), "answers" (given, missing, invalid, abstained)
        and "answered_rows" (by policy: rows of which the video has a usable box, onset, span).

    Example:
        >>> from pathlib import Path
        >>> from dtr.annotation import VideoAnnotation
        >>> coverage([Item(VideoAnnotation("a", Path("a.mp4"), "fake"), None)])["answers"]["missing"]
        1
    """
    missing = [i.video.video_id for i in items if i.prediction is None]
    invalid = [i.video.video_id for i in items if i.prediction is not None and i.prediction.label is None]
    given = [i.prediction for i in items if i.prediction is not None]
    return {
        "truth": _truth(items),
        "answers": {
            "given": len(given),
            "missing": len(missing),
            "missing_ids": missing[:LISTED],
            "invalid_label": len(invalid),
            "invalid_label_ids": invalid[:LISTED],
            "with_probability": sum(p.fake_score is not None for p in given),
            "with_explanation": sum(bool(p.explanation) for p in given),
            "with_problems": sum(bool(p.problems) for p in given),
            "abstained": sum(p.abstain for p in given),
            "fakes_called_fake": sum(i.called_fake for i in items if i.is_fake),
            "reals_called_fake": sum(i.called_fake for i in items if not i.is_fake),
        },
        "answered_rows": {policy: _answered(items, policy) for policy in ("own", "oracle")},
    }


def _truth(items: Sequence[Item]) -> dict[str, int]:
    rows = [t for item in items for t in item.rows]
    return {
        "videos": len(items),
        "fake_videos": sum(i.is_fake for i in items),
        "real_videos": sum(not i.is_fake for i in items),
        "paper_rows": sum(num_rows(i) for i in items),
        "trace_rows": len(rows),
        "rows_with_box": sum(t.box is not None for t in rows),
        "rows_with_time": sum(t.span_s is not None for t in rows),
        "rows_with_tags": sum(t.categories is not None for t in rows),
        "rows_with_explanation": sum(bool(t.explanation) for t in rows),
        "fakes_nobody_looked_at": sum(i.is_fake and i.video.traces is None for i in items),
    }


def _answered(items: Sequence[Item], policy: Policy) -> dict[str, int]:
    counts = {"box": 0, "onset": 0, "span": 0}
    for item in items:
        answer = model_answer(item, policy)
        boxes = sum(t.box is not None for t in item.rows)
        times = sum(t.span_s is not None for t in item.rows)
        counts["box"] += boxes if answer.box is not None else 0
        counts["onset"] += times if answer.onset_s is not None else 0
        counts["span"] += times if answer.span_s is not None else 0
    return counts
