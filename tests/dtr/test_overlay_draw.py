from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dtr.annotation import TraceAnnotation
from dtr.overlay_draw import GREY, TRACE_COLOURS, WHITE, Painter, marks_of
from dtr.verdict import Trace, Verdict

TRACE = Trace(0.8, (1.0, 2.0), (0.25, 0.25, 0.75, 0.75), (), {"Object Merging": 0.7})


def verdict(label: str, **parts: object) -> Verdict:
    return Verdict("a.mp4", "a", 4.0, 320, 240, label, 0.9, frame_times_s=(0.0, 2.0), frame_scores=(0.1, 0.9), **parts)  # type: ignore[arg-type]


def painted(of: Verdict, time_s: float, size: tuple[int, int] = (320, 240), **options: object) -> np.ndarray:
    painter = Painter(of, *size, **options)  # type: ignore[arg-type]
    return np.asarray(painter.paint(Image.new("RGB", size, (60, 60, 60)), time_s)).astype(int)


def count(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture - colour).max(axis=-1) < 12).sum())


def test_paint__draws_a_trace_only_in_its_time() -> None:
    fake = verdict("fake", traces=(TRACE,))
    during, after = (painted(fake, t)[:240] for t in (1.5, 2.5))
    assert count(during, TRACE_COLOURS[0]) > 500
    assert count(after, TRACE_COLOURS[0]) == 0


def test_paint__the_box_is_where_it_should_be() -> None:
    picture = painted(verdict("fake", traces=(TRACE,)), 1.5)
    row = np.abs(picture[120, :320] - TRACE_COLOURS[0]).max(axis=-1) < 12
    assert set(np.nonzero(row)[0]) <= {*range(77, 84), *range(236, 244)}
    assert row.any()


def test_paint__a_real_verdict_accuses_nobody() -> None:
    picture = painted(verdict("real", candidates=(TRACE,)), 1.5)[:240]
    assert (picture == 60).all()


def test_marks_of__a_fake_without_traces_shows_one_weak_candidate() -> None:
    marks = marks_of(verdict("fake", candidates=(TRACE, TRACE)))
    assert [(m.label, m.colour, m.dashed) for m in marks] == [("below threshold", GREY, True)]


def test_marks_of__truth_is_white_and_dashed() -> None:
    truth = TraceAnnotation(span_s=(0.0, 1.0), box=(0, 0, 1, 1), categories=frozenset({"Object Merging"}))
    marks = marks_of(verdict("real"), [truth, TraceAnnotation()])
    assert [(m.label, m.colour, m.dashed) for m in marks] == [("truth: Object Merging", WHITE, True)]


def test_paint__an_interpolated_box_is_dashed() -> None:
    boxes = tuple((t, 0.25, 0.25, 0.75, 0.75) for t in (1.0, 1.1, 1.2, 1.9, 2.0))
    gappy = Trace(0.8, (1.0, 2.0), (0.25, 0.25, 0.75, 0.75), boxes)
    solid, dashed = (painted(verdict("fake", traces=(gappy,)), t)[:240] for t in (1.1, 1.55))
    edge = [count(p[100:140, 70:90], TRACE_COLOURS[0]) for p in (solid, dashed)]
    assert 0 < edge[1] < 0.75 * edge[0]


def test_paint__the_playhead_moves_and_the_panel_keeps_the_rest() -> None:
    early, late = (painted(verdict("real"), t)[240:] for t in (0.0, 4.0))
    assert count(early[:, :40], WHITE) > count(late[:, :40], WHITE)
    assert count(late[:, -40:], WHITE) > count(early[:, -40:], WHITE)


def test_paint__many_traces_leave_a_row_for_the_truth() -> None:
    truth = TraceAnnotation(span_s=(0.0, 4.0), box=(0.0, 0.0, 0.1, 0.1))
    many = verdict("fake", traces=(TRACE,) * 9)
    assert len(painted(many, 3.0, truth=[truth])) >= len(painted(many, 3.0)) + 5


@pytest.mark.parametrize("size", [(241, 135), (135, 241), (1, 1), (640, 2), (6, 400), (1279, 719)])
def test_painter__any_size_gives_an_even_canvas(size: tuple[int, int]) -> None:
    wild = Trace(0.5, (0.0, 4.0), (-0.2, 0.9, 1.4, 1.0), (), {"Äußerst " * 30: 1.0})
    picture = painted(verdict("fake", traces=(wild,) * 8), 1.0, size)
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert picture.shape[0] > size[1]
    assert picture.shape[1] - max(200, size[0]) in (0, 1)
