import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.boxes import box_iou
from dtr.errors import AnnotationError, ConfigError, DetectorError
from dtr.metrics.average_precision import (
    VideoCandidates,
    average_precision,
    candidate_outcomes,
    match_one_to_one,
    mean_average_precision,
)

WHOLE = (0.0, 0.0, 1.0, 1.0)


def some_boxes(rng, n):
    corner, size = rng.uniform(0, 0.6, (n, 2)), rng.uniform(0.1, 0.4, (n, 2))
    return np.concatenate([corner, corner + size], axis=1)


def some_videos(seed, count=12):
    """Exhaustive videos; candidates are truths that were shaken, and noise; no two scores are equal."""
    rng = np.random.default_rng(seed)
    videos = []
    for _ in range(count):
        truth = some_boxes(rng, rng.integers(0, 4))
        near = np.repeat(truth, 2, axis=0)
        near = near + rng.normal(0, 0.03, near.shape)
        boxes = np.concatenate([near, some_boxes(rng, rng.integers(0, 4))])
        videos.append(VideoCandidates(rng.random(len(boxes)), boxes, truth, exhaustive=True))
    return videos


def coco_ap(videos, thresholds):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def ltwh(b):
        return [1000 * float(v) for v in (b[0], b[1], b[2] - b[0], b[3] - b[1])]

    truth = [(i, ltwh(b)) for i, v in enumerate(videos) for b in v.true_boxes]
    found = [
        {"image_id": i, "category_id": 1, "bbox": ltwh(b), "score": float(s)}
        for i, v in enumerate(videos)
        for b, s in zip(v.boxes, v.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(len(videos))],
            "categories": [{"id": 1}],
            "annotations": [
                {"id": n + 1, "image_id": i, "category_id": 1, "bbox": b, "area": b[2] * b[3], "iscrowd": 0}
                for n, (i, b) in enumerate(truth)
            ],
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(found), "bbox")
        run.params.iouThrs, run.params.maxDets = np.array(thresholds), [1, 10, 1000]
        run.evaluate()
        run.accumulate()
    return run.eval["precision"][:, :, 0, 0, -1].mean(axis=1)


@pytest.mark.parametrize("seed", range(6))
def test_mean_average_precision__agrees_with_pycocotools_on_exhaustive_videos(seed):
    videos, thresholds = some_videos(seed), [0.3, 0.5, 0.75]
    ours = mean_average_precision(videos, thresholds, "box")
    assert list(ours.values()) == pytest.approx(coco_ap(videos, thresholds), abs=1e-9)
    assert 0 < ours[0.5] < 1


def test_mean_average_precision__unknown_places_of_generated_videos_cost_nothing():
    hit = VideoCandidates([0.6], [WHOLE], [WHOLE])
    elsewhere = VideoCandidates([0.6, 0.9], [WHOLE, (0, 0, 0.1, 0.1)], [WHOLE])
    real = VideoCandidates([0.5], [WHOLE], exhaustive=True)
    assert mean_average_precision([hit, real], [0.5], "box") == {0.5: 1.0}
    assert mean_average_precision([elsewhere, real], [0.5], "box") == {0.5: 1.0}


def test_mean_average_precision__confident_candidates_of_real_videos_cost():
    hit, real = VideoCandidates([0.6], [WHOLE], [WHOLE]), VideoCandidates([0.7], [WHOLE], exhaustive=True)
    assert mean_average_precision([hit, real], [0.5], "box") == {0.5: 0.5}


def test_mean_average_precision__equal_scores_do_not_depend_on_the_order_of_videos():
    fakes = [VideoCandidates([1.0], [WHOLE], [WHOLE])] * 3
    reals = [VideoCandidates([1.0], [WHOLE], exhaustive=True)] * 3
    both = [mean_average_precision(v, [0.5], "box")[0.5] for v in (fakes + reals, reals + fakes)]
    assert both == [0.5, 0.5]


def test_mean_average_precision__nothing_predicted_nothing_true_one_video():
    assert mean_average_precision([VideoCandidates([], [], [WHOLE])], [0.5], "box") == {0.5: 0.0}
    assert math.isnan(mean_average_precision([VideoCandidates([0.5], [WHOLE], exhaustive=True)], [0.5], "box")[0.5])
    assert math.isnan(mean_average_precision([], [0.5], "tiou")[0.5])


def test_mean_average_precision__both_needs_place_and_time_of_the_same_trace():
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
    video = VideoCandidates([0.9], [left], [left, right], [(2, 4)], [(0, 2), (2, 4)])
    assert mean_average_precision([video], [0.5], "box")[0.5] == pytest.approx(51 / 101)
    assert mean_average_precision([video], [0.5], "tiou")[0.5] == pytest.approx(51 / 101)
    assert mean_average_precision([video], [0.5], "both") == {0.5: 0.0}


@pytest.mark.parametrize(
    ("video", "kind", "error", "says"),
    [
        (VideoCandidates([0.5], [(0, 0, np.nan, 1)], [WHOLE]), "box", DetectorError, "candidate boxes must be finite"),
        (VideoCandidates([np.nan], [WHOLE], [WHOLE]), "box", DetectorError, "candidate scores must be finite"),
        (VideoCandidates([0.5, 0.4], [WHOLE], [WHOLE]), "box", DetectorError, r"shape \(2, 4\), got \(1, 4\)"),
        (VideoCandidates([0.5], [], [WHOLE]), "box", DetectorError, r"shape \(1, 4\), got \(0, 4\)"),
        (VideoCandidates([0.5], [WHOLE], [(0, 0, 1)]), "box", AnnotationError, "true boxes must have shape"),
        (VideoCandidates([], [], [WHOLE], [], []), "both", AnnotationError, "1 boxes and 0 spans"),
        (VideoCandidates([0.5], [WHOLE], [WHOLE]), "area", ConfigError, "must be 'box', 'tiou' or 'both'"),
    ],
)
def test_mean_average_precision__says_what_is_wrong(video, kind, error, says):
    with pytest.raises(error, match=says):
        mean_average_precision([video], [0.5], kind)
    with pytest.raises(ConfigError, match="threshold must lie"):
        mean_average_precision([VideoCandidates([0.5], [WHOLE], [WHOLE])], [50], "box")


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 5), st.floats(0.05, 0.9))
@settings(max_examples=80, deadline=None)
def test_match_one_to_one__is_greedy_and_one_to_one(seed, candidates, truths, threshold):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, candidates) / 4
    overlap = box_iou(some_boxes(rng, candidates), some_boxes(rng, truths))
    matched = match_one_to_one(scores, overlap, threshold)
    free, expected = set(range(truths)), {}
    for k in sorted(range(candidates), key=lambda k: (-scores[k], k)):
        options = [(overlap[k, r], -r) for r in free if overlap[k, r] >= threshold]
        expected[k] = -max(options)[1] if options else -1
        free.discard(expected[k])
    assert matched.tolist() == [expected[k] for k in range(candidates)]


def test_candidate_outcomes__a_second_hit_is_wrong_only_where_all_is_known():
    overlap = [[0.9], [0.8]]
    assert candidate_outcomes([0.9, 0.8], overlap, 0.5, exhaustive=True).tolist() == [1, 0]
    assert candidate_outcomes([0.9, 0.8], overlap, 0.5, exhaustive=False).tolist() == [1, -1]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 0, -1])), max_size=30), st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_average_precision__agrees_with_a_slow_one_in_any_order(rows, missed):
    truths = sum(o == 1 for _, o in rows) + missed
    slow = []
    for recall in np.linspace(0, 1, 101):
        best = 0.0
        for threshold in {s for s, _ in rows}:
            hits = sum(o == 1 for s, o in rows if s >= threshold)
            wrong = sum(o == 0 for s, o in rows if s >= threshold)
            if hits and truths and hits / truths >= recall:
                best = max(best, hits / (hits + wrong))
        slow.append(best)
    for order in (rows, rows[::-1]):
        ours = average_precision([s for s, _ in order], [o for _, o in order], truths)
        assert math.isnan(ours) if truths == 0 else ours == pytest.approx(np.mean(slow))
