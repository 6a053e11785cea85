from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from dtr.annotation import TraceAnnotation
from dtr.demo import (
    DURATION_S,
    FPS,
    HEIGHT,
    PHOTOS,
    WIDTH,
    compare,
    draw_plan,
    film,
    load_photo,
    to_json,
    truth_of,
    write_clip,
)
from dtr.synthetic import EFFECTS
from dtr.verdict import Trace, Verdict

TRUTH = TraceAnnotation(span_s=(1.0, 2.0), box=(0.0, 0.0, 0.5, 0.5), categories=frozenset({"Sudden Blurring"}))


def verdict(label: str = "fake", *traces: Trace, candidates: tuple[Trace, ...] = ()) -> Verdict:
    return Verdict("a.mp4", "a", 4.0, 64, 48, label, 0.9, traces=traces, candidates=candidates)  # type: ignore[arg-type]


def trace(**changes: object) -> Trace:
    facts = {"score": 0.8, "span_s": (1.3, 2.0), "box": (0.0, 0.0, 0.5, 1.0), "categories": {"Sudden Blurring": 0.9}}
    return Trace(**(facts | changes))  # type: ignore[arg-type]


def test_draw_plan__seeds_reach_every_photo_and_category() -> None:
    plans = [draw_plan(seed) for seed in range(60)]
    assert {p.photo.file for p in plans} == {p.file for p in PHOTOS}
    assert {p.category for p in plans} == set(EFFECTS)
    assert all(0.5 < p.span_s[0] < p.span_s[1] <= DURATION_S for p in plans)


@pytest.mark.parametrize("seed", range(40))
def test_truth__box_is_well_inside_the_frame(seed: int) -> None:
    truth = truth_of(draw_plan(seed))
    assert truth.box is not None
    assert truth.span_s is not None
    x0, y0, x1, y1 = truth.box
    assert 0.015 < (x1 - x0) * (y1 - y0) < 0.5
    assert [t for t, _ in truth.boxes] == sorted(t for t, _ in truth.boxes)
    assert truth.boxes[0][0] == truth.span_s[0]


def test_film__is_the_same_every_time_and_never_shows_the_photo_s_edge() -> None:
    plan = draw_plan(6)
    photo = load_photo(plan.photo)
    first, again, next_one = (film(plan, photo, index) for index in (40, 40, 41))
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, next_one)
    border = np.concatenate([first[0], first[-1], first[:, 0], first[:, -1]])
    assert (border.max(axis=-1) < 4).mean() < 0.05  # outside the photograph is black


@pytest.mark.parametrize("seed", [1, 2, 6, 11])
def test_film__the_trace_is_where_and_when_the_truth_says(seed: int) -> None:
    plan, truth = draw_plan(seed), truth_of(draw_plan(seed))
    clean = replace(plan, span_s=(DURATION_S + 1, DURATION_S + 2))
    photo = load_photo(plan.photo)
    before, during = int(plan.span_s[0] * FPS), round((plan.span_s[0] + 0.9) * FPS)
    assert np.array_equal(film(plan, photo, before), film(clean, photo, before))
    change = np.abs(film(plan, photo, during).astype(int) - film(clean, photo, during)).max(axis=-1)
    box = min(truth.boxes, key=lambda b: abs(b[0] - during / FPS))[1]
    rows, cols = np.nonzero(change > 20)
    assert len(rows) > 100
    inside = (cols >= box[0] * WIDTH - 4) & (cols <= box[2] * WIDTH + 4)
    inside &= (rows >= box[1] * HEIGHT - 4) & (rows <= box[3] * HEIGHT + 4)
    assert inside.mean() > 0.99


def test_write_clip__gives_a_whole_video_and_its_truth(tmp_path: Path) -> None:
    plan = draw_plan(3)
    truth = write_clip(plan, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as file:
        times = [float(f.time) for f in file.decode(video=0)]
    assert times == pytest.approx([i / FPS for i in range(round(DURATION_S * FPS))], abs=1e-4)
    assert truth.span_s == plan.span_s


def test_compare__measures_the_strongest_trace() -> None:
    result = compare(TRUTH, verdict("fake", trace(), trace(box=(0, 0, 0.5, 0.5))))
    assert result.label_right
    assert result.category_right
    assert result.box_iou == pytest.approx(0.5)
    assert result.onset_error_s == pytest.approx(0.3)


def test_compare__a_candidate_is_a_miss() -> None:
    result = compare(TRUTH, verdict("real", candidates=(trace(),)))
    assert not result.label_right
    assert result.trace is None
    assert result.box_iou is None


def test_compare__without_a_category_head_says_so() -> None:
    assert compare(TRUTH, verdict("fake", trace(categories={}))).category_right is None


def test_to_json__names_the_photograph_and_its_author() -> None:
    plan = draw_plan(1)
    report = to_json(plan, truth_of(plan), verdict("real"), compare(truth_of(plan), verdict("real")))
    assert report["photo"]["author"] == plan.photo.author
    assert report["comparison"] == {
        "label_right": False,
        "category_right": None,
        "box_iou": None,
        "onset_error_s": None,
    }
