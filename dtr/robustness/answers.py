"""Reads the lines that `dtr robustness` has written, so that a table can be made again without any inference."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtr.batch_run import complete_lines
from dtr.errors import AnnotationError
from dtr.predictions import Prediction
from dtr.predictions.rows import read_verdict
from dtr.robustness.catalogue import BASELINE


@dataclass(frozen=True)
class Lost:
    """A clip without an answer under one transform, and why."""

    video_id: str
    transform: str
    kind: str
    message: str


@dataclass(frozen=True)
class Answers:
    """What a detector said of each clip under each transform.

    Attributes:
        by_transform: name → video id → answer, in the order of the lines; clips that failed are not there.
        lost: those that failed.
        durations_s: of the decoded clips, by video id, for annotations that state none.
        model_ids: that answered.
    """

    by_transform: Mapping[str, Mapping[str, Prediction]]
    lost: tuple[Lost, ...]
    durations_s: Mapping[str, float]
    model_ids: tuple[str, ...]

    @property
    def video_ids(self) -> set[str]:
        """Of every clip that has a line."""
        return {v for found in self.by_transform.values() for v in found} | {failed.video_id for failed in self.lost}


def read_answers(path: Path) -> Answers:
    """Read a file of answers; the last line of an unfinished one may be torn.

    Raises:
        AnnotationError: the file is missing or empty, or a line is not one that `dtr robustness` writes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    rows, length = complete_lines(data, sys.maxsize)
    if b"\n" in data[length:] or not rows:
        raise AnnotationError(
            f"{path}:{len(rows) + 1}: expected a line of dtr robustness -o, got something else; give that file"
        )
    found: dict[str, dict[str, Prediction]] = {}
    lost: list[Lost] = []
    durations_s: dict[str, float] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{path.name}:{number}"
        video_id, name, verdict = _parts(row, where)
        said = found.setdefault(name, {})
        if verdict is None:
            lost.append(Lost(video_id, name, str(row["error"].get("kind")), str(row["error"].get("message"))))
        elif video_id in said:
            raise AnnotationError(f"{where}: video {video_id} is answered twice under '{name}'; make the file again")
        else:
            said[video_id] = read_verdict(verdict, video_id, where)
            if name == BASELINE:
                durations_s[video_id] = float(verdict["duration_s"])
    models = {p.model_id for said in found.values() for p in said.values()}
    return Answers(found, tuple(lost), durations_s, tuple(sorted(models)))


def _parts(row: dict[str, Any], where: str) -> tuple[str, str, dict[str, Any] | None]:
    """Video id, transform, and the verdict; None = the line has an error instead."""
    video_id, name, verdict = row.get("video_id"), row.get("transform"), row.get("verdict")
    answered = isinstance(verdict, dict) and "schema" in verdict and isinstance(verdict.get("duration_s"), int | float)
    known = isinstance(video_id, str) and isinstance(name, str)
    if not known or not (answered or isinstance(row.get("error"), dict)):
        raise AnnotationError(
            f"{where}: expected video_id, transform and a verdict or an error, got keys {', '.join(row) or 'none'}; "
            "give a file that dtr robustness -o has written"
        )
    return str(video_id), str(name), verdict if answered else None
