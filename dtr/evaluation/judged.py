"""A judge's scores of explanations: JSON lines `{"video_id": …, "trace": 0, "score": 0 | 0.5 | 1}`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.data.release import read_text
from dtr.errors import AnnotationError

SCORES = (0.0, 0.5, 1.0)
"""0 = wrong or none, 0.5 = the right thing for the wrong reason, 1 = both right."""


def read_judged(path: Path, videos: Sequence[VideoAnnotation]) -> dict[str, list[float | None]]:
    """Scores of each video's trace rows.

    Args:
        path: JSON lines; `trace` is the place of the row among the rows of its video, from 0.
        videos: annotated videos; lines of other videos are left alone.

    Returns:
        video_id → score per trace row, None where there is none.

    Raises:
        AnnotationError: the file cannot be read, or a line is no such object, names a row that is not there, has
            another score, or comes twice.
    """
    rows = {v.video_id: len(v.traces or ()) for v in videos}
    found: dict[str, list[float | None]] = {video_id: [None] * n for video_id, n in rows.items()}
    # Lines end in \n only: a judge's words may hold other characters that Python counts as ends of lines.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        video_id, trace, score = _parse(line, where)
        if video_id not in rows:
            continue
        if not 0 <= trace < rows[video_id]:
            raise AnnotationError(
                f"{where}: expected a trace of video {video_id} from 0 to {rows[video_id] - 1}, got {trace}; "
                "use the annotations that were judged"
            )
        if found[video_id][trace] is not None:
            raise AnnotationError(f"{where}: trace {trace} of video {video_id} is judged twice; keep one line")
        found[video_id][trace] = score
    return found


def _parse(line: str, where: str) -> tuple[str, int, float]:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:  # JSONDecodeError, and numbers of thousands of digits
        raise AnnotationError(f"{where}: expected a JSON object, got {line!r:.60}; mend the line") from error
    video_id, trace, score = (
        (row.get("video_id"), row.get("trace"), row.get("score")) if isinstance(row, dict) else (None, None, None)
    )
    if not isinstance(video_id, str) or type(trace) is not int or type(score) not in (int, float):
        raise AnnotationError(
            f"{where}: expected video_id (text), trace (whole number) and score (number), got {line!r:.80}; mend it"
        )
    if score not in SCORES:
        raise AnnotationError(f"{where}: a judge's score must be 0, 0.5 or 1, got {score}; mend the line")
    return video_id, trace, float(score)
