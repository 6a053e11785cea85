"""Videos joined with what was predicted of them: the one list that every figure is counted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.errors import AnnotationError
from dtr.predictions import Prediction


@dataclass(frozen=True)
class Item:
    """One labelled video and the answer for it.

    Attributes:
        video: with a label.
        prediction: None = there is no answer for it, which counts as wrong.
    """

    video: VideoAnnotation
    prediction: Prediction | None

    @property
    def is_fake(self) -> bool:
        """The true label."""
        return self.video.label == "fake"

    @property
    def called_fake(self) -> bool:
        """The answer says FAKE."""
        return self.prediction is not None and self.prediction.label == "fake"

    @property
    def correct(self) -> bool:
        """The answer has the true label."""
        return self.prediction is not None and self.prediction.label == self.video.label

    @property
    def rows(self) -> tuple[TraceAnnotation, ...]:
        """Annotated traces; empty for a real video and for one that nobody looked at."""
        return self.video.traces or ()


def join(videos: Sequence[VideoAnnotation], predictions: Mapping[str, Prediction]) -> list[Item]:
    """Every labelled video with its prediction, in the order of the videos.

    A trace that has only boxes over time gets the smallest box around them too, for the figures of single boxes.

    Raises:
        AnnotationError: no video has a label.

    Example:
        >>> from pathlib import Path
        >>> clip = VideoAnnotation("a", Path("a.mp4"), "fake")
        >>> [item.correct for item in join([clip], {"a": Prediction("a", "fake")})]
        [True]
    """
    items = [Item(_placed(v), predictions.get(v.video_id)) for v in videos if v.label is not None]
    if not items:
        raise AnnotationError(
            f"evaluation needs labelled videos, got {len(videos)} videos without a label; check annotations and split"
        )
    return items


def _placed(video: VideoAnnotation) -> VideoAnnotation:
    if all(t.box is not None or not t.boxes for t in video.traces or ()):
        return video
    return replace(video, traces=tuple(replace(t, box=t.extent) for t in video.traces or ()))
