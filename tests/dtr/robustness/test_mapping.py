from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.robustness.mapping import MIN_VISIBLE, MIRROR, Mapping, map_annotation, quad, window

SLANTED = ((0.1, 0.2), (0.9, 0.1), (0.8, 0.95), (0.05, 0.8))


def video(*traces: TraceAnnotation) -> VideoAnnotation:
    return VideoAnnotation("a", Path("a.mp4"), "fake", duration_s=6.0, traces=traces)


def test_quad__moves_the_corners_where_they_shall_go() -> None:
    unit = np.array([(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)], dtype=np.float64)
    moved = (quad(SLANTED).matrix @ unit.T).T
    np.testing.assert_allclose(moved[:, :2] / moved[:, 2:], SLANTED, atol=1e-12)


def test_quad__keeps_straight_lines() -> None:
    points = np.array([(x, 0.3, 1) for x in (0.0, 0.25, 0.5, 1.0)])
    moved = (quad(SLANTED).matrix @ points.T).T
    moved = moved[:, :2] / moved[:, 2:]
    slopes = np.diff(moved[:, 1]) / np.diff(moved[:, 0])
    np.testing.assert_allclose(slopes, slopes[0])


def test_then__is_one_after_the_other() -> None:
    box = (0.3, 0.4, 0.5, 0.7)
    zoom = window(0.1, 0.1, 0.9, 0.9)
    first = zoom.box(box)
    assert first is not None
    assert zoom.then(MIRROR).box(box) == pytest.approx(MIRROR.box(first))


@given(
    st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
    st.floats(0.5, 0.95),
)
def test_window__cuts_and_stretches_boxes(start: tuple[float, float], size: tuple[float, float], share: float) -> None:
    box = np.array([*start, min(1.0, start[0] + size[0]), min(1.0, start[1] + size[1])])
    margin = (1 - share) / 2
    found = window(margin, margin, 1 - margin, 1 - margin).box(tuple(box))
    seen = np.clip(box, margin, 1 - margin)
    in_view = np.prod(seen[2:] - seen[:2]) / np.prod(box[2:] - box[:2])
    if found is None:
        assert in_view < MIN_VISIBLE + 1e-9
    else:
        assert in_view > MIN_VISIBLE - 1e-9
        np.testing.assert_allclose(found, (seen - margin) / share, atol=1e-9)


def test_map_annotation__drops_a_trace_out_of_view_and_says_which() -> None:
    corner, middle = TraceAnnotation(box=(0.0, 0.0, 0.12, 0.12)), TraceAnnotation(box=(0.4, 0.4, 0.6, 0.6))
    untold = TraceAnnotation(span_s=(0.0, 1.0))
    found = map_annotation(video(corner, middle, untold), window(0.1, 0.1, 0.9, 0.9))
    assert found.kept == (1, 2)
    assert found.video.traces is not None
    assert found.video.traces[0].box == pytest.approx((0.375, 0.375, 0.625, 0.625))
    assert found.video.traces[1] == untold


def test_map_annotation__moves_boxes_over_time() -> None:
    boxes = ((1.0, (0.0, 0.0, 0.1, 0.1)), (2.0, (0.5, 0.5, 0.6, 0.6)))
    trace = TraceAnnotation(span_s=(1.0, 3.0), boxes=boxes)
    half = Mapping(window(0.2, 0.2, 1.0, 1.0).rows, speed=2.0)
    found = map_annotation(video(trace), half).video
    assert found.duration_s == 3.0
    assert found.traces is not None
    assert found.traces[0].span_s == (0.5, 1.5)
    assert [t for t, _ in found.traces[0].boxes] == [1.0]
    assert found.traces[0].boxes[0][1] == pytest.approx((0.375, 0.375, 0.5, 0.5))


def test_map_annotation__drops_a_trace_whose_boxes_over_time_are_all_out_of_view() -> None:
    trace = TraceAnnotation(boxes=((1.0, (0.0, 0.0, 0.1, 0.1)),))
    assert map_annotation(video(trace), window(0.2, 0.2, 1.0, 1.0)).kept == ()


def test_map_annotation__leaves_a_video_that_nobody_looked_at_alone() -> None:
    unseen = VideoAnnotation("a", Path("a.mp4"), "fake", traces=None)
    assert map_annotation(unseen, MIRROR).video == unseen


def test_map_annotation__changes_nothing_without_a_change() -> None:
    beyond = video(TraceAnnotation(box=(-0.01, 0.0, 0.5, 1.02)))
    assert map_annotation(beyond, Mapping()).video is beyond
