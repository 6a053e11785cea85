import json
import math
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.boxes import box_iou
from dtr.data.dataset import read_dataset
from dtr.errors import AnnotationError
from dtr.floors import (
    ConstantSpan,
    best_constant_box,
    best_constant_span,
    best_floors,
    fit_floors,
    floor_rows,
    score_floors,
)

WHOLE = (0.0, 0.0, 1.0, 1.0)


def fake(name, *traces, duration_s=4.0):
    return VideoAnnotation(name, Path(f"{name}.mp4"), "fake", duration_s=duration_s, traces=traces)


def real(name):
    return VideoAnnotation(name, Path(f"{name}.mp4"), "real", duration_s=4.0, traces=(), exhaustive=True)


def trace(span_s, box):
    return TraceAnnotation(span_s=span_s, box=box)


TRAIN = [
    fake("a", trace((1.0, 3.0), (0.2, 0.2, 0.6, 0.6)), trace((2.0, 4.0), (0.3, 0.2, 0.7, 0.6))),
    fake("b", trace((0.0, 4.0), (0.2, 0.3, 0.6, 0.7)), duration_s=8.0),
    real("c"),
]


def test_fit_floors__medians_and_majority_by_hand():
    floors = fit_floors(TRAIN)
    assert floors.label == "fake"
    assert floors.boxes["train_median"] == (0.2, 0.2, 0.6, 0.6)
    assert floors.spans["train_median"] == ConstantSpan(1.0, 4.0, False)
    assert floors.spans["train_median_share"] == ConstantSpan(0.25, 0.75, True)
    assert (floors.n_videos, floors.n_boxes, floors.n_spans) == (3, 3, 3)
    assert json.loads(json.dumps(floors.to_json()))["boxes"]["full_frame"] == [0, 0, 1, 1]


def test_fit_floors__needs_rows_and_durations():
    with pytest.raises(AnnotationError, match="got 0 boxes and 0 spans in 1 videos"):
        fit_floors([real("c")])
    with pytest.raises(AnnotationError, match="video a needs a duration"):
        fit_floors([fake("a", trace((0.0, 1.0), WHOLE), duration_s=None)])


def test_fit_floors__of_boxes_alone_or_times_alone():
    boxed = fit_floors([fake("a", trace(None, WHOLE), duration_s=None)])
    assert boxed.boxes["train_median"] == WHOLE
    assert set(boxed.spans) == {"whole_video"}
    timed = fit_floors([fake("a", trace((1.0, 2.0), None), duration_s=4.0)])
    assert timed.spans["train_median"] == ConstantSpan(1.0, 2.0, False)
    assert set(timed.boxes) == {"full_frame", "centre"}


def test_floors__a_moving_trace_is_the_box_around_its_way():
    moving = TraceAnnotation(boxes=((0.0, (0.1, 0.2, 0.3, 0.4)), (1.0, (0.2, 0.1, 0.5, 0.3))))
    floors = fit_floors([fake("a", moving)])
    assert floors.boxes["train_median"] == (0.1, 0.1, 0.5, 0.4)
    assert floor_rows(floors, [fake("x", moving)])["box_iou"]["train_median"][0].tolist() == [1.0]


def test_best_constant_box__no_box_of_a_finer_search_is_better():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.5, (40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.1, 0.5, (40, 2))], axis=1)
    best = box_iou(best_constant_box(boxes), boxes).mean()
    tries = np.sort(rng.random((50_000, 2, 2)), axis=1).reshape(-1, 4)
    assert best >= box_iou(tries, boxes).mean(axis=1).max()
    assert best >= box_iou(np.median(boxes, axis=0), boxes).mean()


def test_best_constant_span__wins_on_a_skewed_set():
    assert best_constant_span([[0.0, 1.0]] * 3 + [[0.5, 0.6]]) == (0.0, 1.0)


def test_score_floors__by_hand():
    scores = score_floors(fit_floors(TRAIN), [fake("x", trace((1.0, 4.0), (0.0, 0.0, 0.5, 1.0))), real("y")])
    assert scores["video_accuracy"] == {"train_majority": 0.5}
    assert scores["box_iou"]["full_frame"] == pytest.approx(0.5)
    assert scores["onset_error_s"]["whole_video"] == pytest.approx(1.0)
    assert scores["time_distance"]["whole_video"] == pytest.approx(0.25)
    assert scores["time_distance"]["train_median"] == 0.0
    assert scores["tiou"]["train_median"] == pytest.approx(1.0)
    assert scores["map_iou_0.5"]["full_frame"] == pytest.approx(0.5)  # one hit, one real video, equal scores
    best = best_floors(scores)
    assert best["onset_error_s"] == ("train_median", 0.0)
    assert best["tiou"] == ("train_median", 1.0)


def test_score_floors__rows_without_box_span_or_label_take_no_part():
    unknown = VideoAnnotation("u", Path("u.mp4"), None)
    some = fake("x", TraceAnnotation(box=WHOLE), duration_s=None)
    rows = floor_rows(fit_floors(TRAIN), [unknown, some])
    assert [len(r) for r in rows["video_accuracy"]["train_majority"]] == [0, 1]
    assert [len(r) for r in rows["box_iou"]["centre"]] == [0, 1]
    assert [len(r) for r in rows["tiou"]["whole_video"]] == [0, 0]
    assert math.isnan(score_floors(fit_floors(TRAIN), [unknown])["box_iou"]["centre"])


def test_floor_rows__a_short_video_still_gets_an_answer():
    late = fit_floors([fake("a", trace((5.0, 6.0), WHOLE), duration_s=10.0)])
    rows = floor_rows(late, [fake("x", trace((0.0, 2.0), WHOLE), duration_s=2.0)])
    assert rows["tiou"]["train_median"][0].tolist() == [1.0]


def test_score_floors__on_the_measured_clips(shared_data):
    videos = read_dataset(shared_data).videos
    floors = fit_floors([v for v in videos if v.split == "train"])
    best = best_floors(score_floors(floors, [v for v in videos if v.split == "val"]))
    assert best["box_iou"][1] == pytest.approx(0.209, abs=0.01)
    assert best["time_distance"][1] == pytest.approx(0.198, abs=0.01)
    assert best["onset_error_s"][1] == pytest.approx(0.750, abs=0.03)
