"""Weighted average precision of candidates against the plain one on repeated videos, and against pycocotools."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.errors import ConfigError, DetectorError
from dtr.metrics.average_precision import VideoCandidates, average_precision, candidate_outcomes
from dtr.metrics.weighted_candidates import weighted_candidate_precision

candidates = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 0, -1]), st.integers(0, 3)), max_size=25)


@given(
    candidates, st.lists(st.integers(0, 3), min_size=4, max_size=4), st.lists(st.integers(0, 3), min_size=4, max_size=4)
)
@settings(max_examples=50, deadline=None)
def test_weighted_candidate_precision__is_the_plain_one_of_repeated_videos(
    found: list[tuple[int, int, int]], missed: list[int], weights: list[int]
) -> None:
    scores, outcomes, videos = (np.array(c) for c in zip(*found, strict=True)) if found else ([], [], [])
    truths = [missed[v] + sum(o == 1 for _, o, w in found if w == v) for v in range(4)]
    often = [weights[v] for v in videos]
    plain = average_precision(np.repeat(scores, often), np.repeat(outcomes, often), int(np.dot(truths, weights)))
    ours = weighted_candidate_precision(scores, outcomes, videos, truths, [weights, [1, 1, 1, 1]])
    assert ours[0] == pytest.approx(plain, abs=1e-12, nan_ok=True)
    assert ours[1] == pytest.approx(average_precision(scores, outcomes, sum(truths)), abs=1e-12, nan_ok=True)


def coco_precision(videos: list[VideoCandidates], kept: Any, threshold: float) -> float:
    """Average precision of some of the videos by COCO's own code."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def ltwh(b: Any) -> list[float]:
        return [1000 * float(v) for v in (b[0], b[1], b[2] - b[0], b[3] - b[1])]

    chosen = [(i, v) for i, v in enumerate(videos) if kept[i]]
    truth = [(i, ltwh(b)) for i, v in chosen for b in np.asarray(v.true_boxes)]
    found = [
        {"image_id": i, "category_id": 1, "bbox": ltwh(b), "score": float(s)}
        for i, v in chosen
        for b, s in zip(np.asarray(v.boxes), np.asarray(v.scores), strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i, _ in chosen],
            "categories": [{"id": 1}],
            "annotations": [
                {"id": n + 1, "image_id": i, "category_id": 1, "bbox": b, "area": b[2] * b[3], "iscrowd": 0}
                for n, (i, b) in enumerate(truth)
            ],
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(found), "bbox")
        run.params.iouThrs, run.params.maxDets = np.array([threshold]), [1, 10, 1000]
        run.evaluate()
        run.accumulate()
    return float(run.eval["precision"][0, :, 0, 0, -1].mean())


@pytest.mark.parametrize("seed", range(4))
def test_weighted_candidate_precision__of_a_slice_agrees_with_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    videos = []
    for _ in range(14):
        corner, size = rng.uniform(0, 0.6, (3, 2)), rng.uniform(0.1, 0.4, (3, 2))
        truth = np.concatenate([corner, corner + size], axis=1)
        near = truth + rng.normal(0, 0.03, truth.shape)
        videos.append(VideoCandidates(rng.random(3), near, truth[: rng.integers(1, 4)], exhaustive=True))
    threshold = 0.5
    outcomes = [candidate_outcomes(v.scores, v.overlap("box"), threshold, True) for v in videos]
    kept = np.stack([np.ones(14), rng.permutation(np.repeat([0, 1], 7))])
    ours = weighted_candidate_precision(
        np.concatenate([np.asarray(v.scores) for v in videos]),
        np.concatenate(outcomes),
        np.repeat(np.arange(14), 3),
        [len(np.asarray(v.true_boxes)) for v in videos],
        kept,
    )
    wanted = [coco_precision(videos, row > 0, threshold) for row in kept]
    assert ours.tolist() == pytest.approx(wanted, abs=1e-9)
    assert 0 < ours[0] < 1


def test_weighted_candidate_precision__nothing_found_nothing_true() -> None:
    assert weighted_candidate_precision([], [], [], [2.0, 0.0], np.ones((2, 2))).tolist() == [0.0, 0.0]
    assert np.isnan(weighted_candidate_precision([0.5], [0], [0], [0.0], [[1.0]])[0])
    assert weighted_candidate_precision([0.5], [0], [0], [1.0], [[1.0]]).tolist() == [0.0]


def test_weighted_candidate_precision__says_what_is_wrong() -> None:
    with pytest.raises(DetectorError, match="finite"):
        weighted_candidate_precision([np.nan], [1], [0], [1.0], [[1.0]])
    for videos, weights in (([1], [[1.0]]), ([-1], [[1.0]]), ([0, 0], [[1.0]]), ([0], [[1.0, 1.0]]), ([0], [1.0])):
        with pytest.raises(ConfigError, match="pair them"):
            weighted_candidate_precision([0.5], [1], videos, [1.0], weights)
