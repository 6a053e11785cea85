from __future__ import annotations

import tracemalloc

import numpy as np

from dtr.spans import span_iou, suppress_spans


def brute_force(spans: np.ndarray, scores: np.ndarray, tiou: float) -> list[int]:
    iou, kept = span_iou(spans, spans), list[int]()
    for i in np.argsort(-scores, kind="stable"):
        if all(iou[i, j] <= tiou for j in kept):
            kept.append(int(i))
    return kept


def test_suppress_spans__keeps_what_all_pairs_would_keep() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        spans = np.sort(rng.integers(0, 12, (30, 2)), axis=1).astype(float)  # ties and empty spans included
        scores = rng.integers(0, 5, 30).astype(float)
        expected = brute_force(spans, scores, 0.3)
        assert suppress_spans(spans, scores, 0.3).tolist() == expected
        assert suppress_spans(spans, scores, 0.3, most=3).tolist() == expected[:3]


def test_suppress_spans__memory_grows_with_the_spans_and_not_with_their_pairs() -> None:
    start = np.arange(30_000) / 6  # more than an hour of steps: all pairs would be 7 GB
    spans = np.stack([start, start + 2.0], axis=1)
    tracemalloc.start()
    kept = suppress_spans(spans, np.linspace(1.0, 0.0, len(spans)), 0.3, most=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(kept) == 5
    assert peak < 50e6


def test_suppress_spans__of_nothing_is_nothing() -> None:
    assert suppress_spans(np.zeros((0, 2)), [], 0.3).tolist() == []
