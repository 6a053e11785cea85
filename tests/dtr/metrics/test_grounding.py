from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError, DetectorError
from dtr.metrics.grounding import box_rows, span_rows, viou

WHOLE = (0.0, 0.0, 1.0, 1.0)


def fake(*traces, duration_s=4.0):
    return VideoAnnotation("v", Path("v.mp4"), "fake", duration_s=duration_s, traces=traces, where="all_data.json:7")


def pixels_iou(a, b, n=20):
    """Second opinion: count the cells of an n × n picture."""
    centre = (np.arange(n) + 0.5) / n
    inside = [
        (centre[None] >= x0) & (centre[None] < x1) & (centre[:, None] >= y0) & (centre[:, None] < y1)
        for x0, y0, x1, y1 in (a, b)
    ]
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


twentieths = st.tuples(*[st.integers(0, 19)] * 2, *[st.integers(1, 20)] * 2).map(
    lambda v: (v[0] / 20, v[1] / 20, min(1, (v[0] + v[2]) / 20), min(1, (v[1] + v[3]) / 20))
)


@given(twentieths, twentieths)
@settings(max_examples=60, deadline=None)
def test_box_rows__agrees_with_counting_pixels(box, true_box):
    rows = box_rows(box, [true_box])
    assert rows.iou[0] == pytest.approx(pixels_iou(box, true_box), abs=1e-6)
    assert 0 <= rows.distance[0] <= 1


@pytest.mark.parametrize(
    "box", [None, (0.5, 0, 0.5, 1), (1, 1, 0, 0), (0, 0, np.nan, 1), (0, 0, np.inf, 1), (0, 0, 1), ()]
)
def test_box_rows__a_missing_or_malformed_answer_is_worst(box):
    rows = box_rows(box, [WHOLE, WHOLE])
    assert rows.iou.tolist() == [0, 0]
    assert rows.distance.tolist() == [1, 1]


def test_box_rows__distance_is_capped_and_no_truth_gives_no_rows():
    assert box_rows((3, 3, 4, 4), [(0, 0, 0.1, 0.1)]).distance.tolist() == [1.0]
    assert len(box_rows(WHOLE, []).iou) == 0
    with pytest.raises(AnnotationError, match="true boxes must be finite"):
        box_rows(WHOLE, [(0, 0, np.nan, 1)])


def test_span_rows__worked_by_hand():
    rows = span_rows((1.0, 3.0), [(1.0, 3.0), (2.0, 4.0), (3.5, 4.0)], 4.0)
    assert rows.onset_error_s.tolist() == [0, 1, 2.5]
    assert rows.time_distance.tolist() == [0, 0.25, 0.625]
    assert rows.tiou.tolist() == pytest.approx([1, 1 / 3, 0])


@pytest.mark.parametrize("span", [None, (2.0, 2.0), (3.0, 1.0), (np.nan, 1.0)])
def test_span_rows__a_missing_or_malformed_answer_is_worst(span):
    rows = span_rows(span, [(1.0, 2.0)], 4.0)
    assert [v.tolist() for v in rows] == [[4.0], [1.0], [0.0]]


@pytest.mark.parametrize("duration_s", [0.0, -1.0, np.nan, np.inf])
def test_span_rows__needs_a_duration(duration_s):
    with pytest.raises(AnnotationError, match="above 0 s"):
        span_rows((0.0, 1.0), [(0.0, 1.0)], duration_s)


def test_viou__still_boxes_give_the_product():
    still, half = [[0.0, *WHOLE]], [[9.0, 0.0, 0.0, 0.5, 1.0]]
    assert viou((0, 2), still, (0, 2), half) == pytest.approx(0.5)
    assert viou((0, 2), still, (1, 3), half, samples=3000) == pytest.approx(0.5 / 3, abs=1e-3)
    assert viou((0, 1), still, (2, 3), still) == 0.0


def test_viou__a_moving_box_is_followed():
    moving = [[0.0, 0.0, 0.0, 0.5, 1.0], [1.0, 0.5, 0.0, 1.0, 1.0]]
    assert viou((0, 1), moving, (0, 1), moving) == pytest.approx(1.0)
    # Against a box that stays: the overlap at t is (1 − t) / (1 + t), whose mean over [0, 1] is 2 ln 2 − 1.
    assert viou((0, 1), moving, (0, 1), moving[:1], samples=500) == pytest.approx(2 * np.log(2) - 1, abs=1e-4)
    with pytest.raises(DetectorError, match="boxes over time"):
        viou((0, 1), [[0.0, 0.0, 0.0, np.nan, 1.0]], (0, 1), moving)
