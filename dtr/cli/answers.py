"""One answer per input: a verdict or the reason why there is none, in each of the output forms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtr.errors import ConfigError, DTRError, MissingExtraError, VideoError
from dtr.inputs import Input
from dtr.verdict import Verdict

if TYPE_CHECKING:
    from dtr.export.runtime import OnnxModel
    from dtr.video.types import Limits


@dataclass(frozen=True)
class Answer:
    """What came of one input.

    Attributes:
        video: path as given.
        row: JSON or predictions form.
        verdict: None = there is none.
        reason: (kind, message) of the failure; ("", "") = none. An overlay that failed has a verdict and a reason.
        notes: lines for the reader.
    """

    video: str
    row: dict[str, Any]
    verdict: Verdict | None = None
    reason: tuple[str, str] = ("", "")
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Something asked for this input was not done."""
        return self.reason != ("", "")

    @property
    def line(self) -> str:
        """The row as one line of JSON."""
        return json.dumps(self.row, allow_nan=False)


@dataclass
class Answerer:
    """Judges inputs one by one with one model.

    Attributes:
        model: loaded detector.
        form: "text", "json" or "predictions".
        decoder, limits, strict: as for `dtr.detect`.
        ids: path → video id.
        fpr, prior: operating point and base rate, as for `dtr.detect`.
    """

    model: OnnxModel
    form: str
    decoder: str
    limits: Limits
    strict: bool
    ids: Callable[[str], str]
    fpr: float | None = None
    prior: float | None = None

    def __post_init__(self) -> None:
        self._videos_by_id: dict[str, set[str]] = {}

    def answer(self, item: Input, overlay: Path | None = None) -> Answer:
        """Judge one input; whatever is wrong with it becomes its answer, and the next one can follow.

        Raises:
            ConfigError: an option is wrong, so that every input would fail.
            MissingExtraError: a package is missing, so that every input would fail.
        """
        try:
            verdict = self._judge(item)
        except (ConfigError, MissingExtraError):
            raise
        except (DTRError, OSError, MemoryError) as error:
            kind, message = _described(error, item.path)
            return Answer(item.path, self._failure(item.path, kind, message), reason=(kind, message))
        row = verdict.to_prediction() if self.form == "predictions" else verdict.to_json()
        self._videos_by_id.setdefault(verdict.video_id, set()).add(item.path)
        reason, notes = _draw(verdict, overlay)
        return Answer(item.path, row, verdict, reason, notes)

    def clashes(self) -> list[str]:
        """Video ids that several files share, one line each: whoever joins by id would mix them up."""
        return [
            f"{len(videos)} files share the video id '{video_id}'; tell them apart with --id-from sha256"
            for video_id, videos in self._videos_by_id.items()
            if len(videos) > 1 and self.form == "predictions"
        ]

    def _judge(self, item: Input) -> Verdict:
        from dtr.api import detect

        if item.error is not None:
            raise item.error
        return detect(
            item.path,
            model=self.model,
            decoder=self.decoder,
            limits=self.limits,
            strict=self.strict,
            video_id=self.ids(item.path),
            fpr=self.fpr,
            prior=self.prior,
        )

    def _failure(self, video: str, kind: str, message: str) -> dict[str, Any]:
        error = {"kind": kind, "message": message}
        if self.form != "predictions":
            return {"video": video, "error": error}
        try:
            video_id = self.ids(video)
        except VideoError:  # no content, no hash of it
            video_id = Path(video).stem
        names = ("predicted_label", "fake_probability", "start_time", "end_time", "bbox", "explanation")
        row = {"video_id": video_id, "model_id": self.model.info.model_id, "task": "detection"}
        return row | dict.fromkeys(names) | {"latency_seconds": None, "error": error}


def error_line(answer: Answer) -> str:
    """The line on stderr for a failure; it always names the file."""
    kind, message = answer.reason
    words = " ".join(message.split())
    return f"dtr: error: {kind}: {words if answer.video in words else f'{answer.video}: {words}'}"


def sha256_id(video: str) -> str:
    """The first 16 hex digits of the content's SHA-256.

    Raises:
        VideoError: the file cannot be read.
    """
    try:
        with Path(video).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise VideoError(f"{video}: cannot be read ({error.strerror}); check the path") from error


def annotated_inputs(annotations: Path, split: str) -> tuple[list[Input], int]:
    """The media of one split, in the order of the annotations, and how many problems the rows have.

    Raises:
        AnnotationError: there are no annotations at that path.
        ConfigError: the split has no video.
    """
    from dtr.data.dataset import read_dataset

    data = read_dataset(annotations, on_error="collect")
    inputs = [Input(str(video.path)) for video in data.in_split(split)]
    if not inputs:
        there = ", ".join(sorted({video.split for video in data.videos if video.split})) or "none"
        raise ConfigError(f"--split: expected a split of {annotations} (there: {there}), got '{split}'; name another")
    return inputs, len(data.problems)


def annotated_ids(annotations: Path) -> Callable[[str], str]:
    """Video ids by the annotations' media paths, or by file name where the files lie elsewhere; else the stem.

    Raises:
        AnnotationError: there are no annotations at that path.
    """
    from dtr.data.dataset import read_dataset

    videos = read_dataset(annotations, on_error="collect").videos
    by_path = {str(v.path.resolve()): v.video_id for v in videos}
    by_name: dict[str, str | None] = {}
    for v in videos:
        by_name[v.path.name] = None if v.path.name in by_name else v.video_id  # None: the name is not unique

    def video_id(video: str) -> str:
        path = Path(video)
        return by_path.get(str(path.resolve())) or by_name.get(path.name) or path.stem

    return video_id


def _described(error: DTRError | OSError | MemoryError, video: str) -> tuple[str, str]:
    if isinstance(error, DTRError):
        return error.kind, str(error)
    if isinstance(error, MemoryError):
        return "limit", f"{video}: expected the frames to fit into memory, they did not; use a smaller or shorter video"
    return "video", f"{video}: cannot be read ({error.strerror or error}); check the file"


def _draw(verdict: Verdict, overlay: Path | None) -> tuple[tuple[str, str], tuple[str, ...]]:
    if overlay is None:
        return ("", ""), ()
    try:
        verdict.save_overlay(overlay)
    except ConfigError:
        raise
    except DTRError as error:
        return (error.kind, str(error)), ()
    return ("", ""), (f"overlay {overlay}",)
