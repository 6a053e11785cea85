from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.canonical.annotations import TraceChanges, moved_video

BOX = (0.25, 0.25, 0.75, 0.75)


def moved(*traces: TraceAnnotation, frames: int = 12, is_cut: bool = True) -> tuple[VideoAnnotation, TraceChanges]:
    video = VideoAnnotation("v", Path("old.mp4"), "fake", "Sora", "val", 100, 80, 24.0, 5.0, traces, where="rows:1")
    return moved_video(video, Path("new.mp4"), width=64, height=50, fps=6.0, frames=frames, is_cut=is_cut)


def test_moved_video__keeps_seconds_and_shares_of_the_frame() -> None:
    trace = TraceAnnotation(span_s=(0.41, 1.3), box=BOX, raw_tags=("merging",), explanation="why", where="rows:1")
    video, changes = moved(trace)
    assert video.traces == (trace,)
    assert (video.width, video.height, video.fps, video.duration_s) == (64, 50, 6.0, 2.0)
    assert (video.path, video.source, video.split) == (Path("new.mp4"), "Sora", "val")
    assert changes == TraceChanges(before=1, after=1)


def test_moved_video__cuts_traces_with_the_clip_and_says_so() -> None:
    boxes = ((1.0, BOX), (1.9, BOX), (2.5, BOX))
    video, changes = moved(
        TraceAnnotation(span_s=(1.0, 3.0), boxes=boxes, where="rows:1"),
        TraceAnnotation(span_s=(2.0, 3.0), where="rows:2"),
        TraceAnnotation(box=BOX, where="rows:3"),
        TraceAnnotation(span_s=(0.51, 0.6), where="rows:4"),
    )
    assert video.traces is not None
    assert [trace.span_s for trace in video.traces] == [(1.0, 2.0), None, (0.51, 0.6)]
    assert video.traces[0].boxes == boxes[:2]
    assert (changes.before, changes.after) == (4, 3)
    assert (changes.dropped, changes.clipped) == (("rows:2",), ("rows:1",))
    assert (changes.without_time, changes.between_frames) == (("rows:3",), ("rows:4",))


@pytest.mark.parametrize(("span_s", "shown"), [((0.5, 0.51), True), ((1 / 6, 1 / 3), True), ((0.51, 0.6666666), False)])
def test_moved_video__names_traces_that_no_frame_shows(span_s: tuple[float, float], shown: bool) -> None:
    _, changes = moved(TraceAnnotation(span_s=span_s, where="rows:1"), is_cut=False)
    assert changes.between_frames == (() if shown else ("rows:1",))


def test_moved_video__nobody_looked_is_not_looked_without_finding() -> None:
    video = VideoAnnotation("v", Path("old.mp4"), "fake")
    new, changes = moved_video(video, Path("new.mp4"), width=64, height=50, fps=6.0, frames=12, is_cut=True)
    assert new.traces is None
    assert changes == TraceChanges()
    emptied, _ = moved(TraceAnnotation(span_s=(3.0, 4.0)))
    assert emptied.traces == ()
    assert not emptied.exhaustive
