"""What can be wrong with a data set: one record per defect, and a log that raises or collects.

Nothing vanishes: a row or field that cannot be used stops the reading, or, when the caller asks for a list, is left out
and recorded here. Readings that are mended (a box clipped to the frame) are recorded in either mode.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from dtr.errors import AnnotationError

OnError = Literal["raise", "collect"]

KINDS: dict[str, str] = {
    "bad_row": "a row that is not an object or lacks its id or path; left out",
    "wrong_type": "a field of the wrong type; read as not annotated",
    "not_finite": "NaN or infinity where a number belongs; read as not annotated",
    "out_of_range": "a number that cannot be (a size of 0, a negative rate); read as not annotated",
    "unknown_label": "neither fake_video nor real_video",
    "unknown_split": "a split other than train, val and test",
    "unknown_tag": "a tag that fits no category; kept as written",
    "row_conflict": "rows of one video that disagree; the first row is used",
    "split_conflict": "one video in two splits; the first row is used",
    "trace_on_real": "trace content on a real video; not used",
    "partial_trace": "half of an annotation (a start without a duration, a box without a frame size); not used",
    "empty_trace": "a trace row that says nothing, beside rows that do; not used",
    "reversed_box": "a box without width or height; read as not annotated",
    "box_outside": "a box that leaves the frame; clipped, or read as not annotated when wholly outside",
    "reversed_span": "a trace of negative or no duration",
    "span_outside": "a span that leaves the video; clipped, or read as not annotated when wholly outside",
    "looked_at": "looked_at.json disagrees with the rows",
    "missing_file": "a row whose media file is not there",
    "path_outside": "a path that leaves the data set's folder",
    "unlisted_file": "a media file without a row",
    "unreadable": "a file or folder that cannot be read",
    "undecodable": "a media file that cannot be opened as a video",
    "size_mismatch": "declared width and height differ from the file's",
    "fps_mismatch": "the declared frame rate differs from the file's",
    "duration_mismatch": "the declared duration differs from the file's",
    "hash_mismatch": "the declared sha256 differs from the file's",
    "duplicate_path": "one media file under several ids",
    "duplicate_content": "files with the same bytes under several ids",
    "split_leak": "the same media file or bytes in two splits",
    "label_leak": "the same media file or bytes labelled both real and fake",
}
"""Every kind of problem and what became of the row or field."""


@dataclass(frozen=True)
class Problem:
    """One defect.

    Attributes:
        kind: a key of `KINDS`.
        where: "file:row" (rows count from 1) or the media file.
        video_id: the video concerned; "" = none is known.
        message: what was expected and what was got.
    """

    kind: str
    where: str
    video_id: str
    message: str

    def to_json(self) -> dict[str, str]:
        """Plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        name = f" video {self.video_id}:" if self.video_id else ""
        return f"{self.where}:{name} {self.message}"


def unreadable(where: Path, error: OSError) -> Problem:
    """The record of a file or folder that the system refuses to read."""
    return Problem("unreadable", str(where), "", f"cannot be read ({error.strerror}); check its rights")


@dataclass
class ProblemLog:
    """Collects problems; in "raise" mode the first one that costs content is raised instead.

    Attributes:
        on_error: "raise" or "collect".
        problems: in the order they were met.
    """

    on_error: OnError = "raise"
    problems: list[Problem] = field(default_factory=list)

    def lost(self, problem: Problem) -> None:
        """Record a problem because of which a row or field cannot be used.

        Raises:
            AnnotationError: in "raise" mode.
        """
        if self.on_error == "raise":
            raise AnnotationError(f"{problem}; fix the row, or list every problem with `dtr data check`")
        self.problems.append(problem)

    def mended(self, problem: Problem) -> None:
        """Record a problem that was mended and costs nothing; never raises."""
        self.problems.append(problem)


def count_kinds(problems: list[Problem] | tuple[Problem, ...]) -> dict[str, int]:
    """Number of problems per kind, in the order of `KINDS`.

    Example:
        >>> count_kinds([Problem("unknown_tag", "a:1", "v", "…"), Problem("unknown_tag", "a:2", "v", "…")])
        {'unknown_tag': 2}
    """
    found = Counter(p.kind for p in problems)
    return {kind: found[kind] for kind in KINDS if found[kind]}
