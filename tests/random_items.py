"""Random annotated videos with random answers, for comparing figures with slow ways to count them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.evaluation.items import Item
from dtr.predictions import PredictedTrace, Prediction

WHOLE = (0.0, 0.0, 1.0, 1.0)


def some_box(rng: np.random.Generator) -> tuple[float, float, float, float]:
    x0, y0 = rng.uniform(0, 0.5, 2)
    return float(x0), float(y0), float(x0 + rng.uniform(0.1, 0.5)), float(y0 + rng.uniform(0.1, 0.5))


def some_span(rng: np.random.Generator) -> tuple[float, float]:
    start = float(rng.uniform(0, 3))
    return start, start + float(rng.uniform(0.2, 2))


def some_trace(rng: np.random.Generator, *, lacking: bool) -> TraceAnnotation:
    tags = rng.choice(CATEGORIES[:4], rng.integers(0, 3), replace=False)
    return TraceAnnotation(
        box=None if lacking and rng.random() < 0.2 else some_box(rng),
        span_s=None if lacking and rng.random() < 0.2 else some_span(rng),
        categories=None if lacking and rng.random() < 0.2 else frozenset(str(t) for t in tags),
    )


def some_candidate(rng: np.random.Generator, trace: TraceAnnotation | None, *, lacking: bool) -> PredictedTrace:
    box, span_s = some_box(rng), some_span(rng)
    if trace is not None and trace.box is not None and trace.span_s is not None and rng.random() < 0.7:
        x0, y0, x1, y1 = np.array(trace.box) + rng.uniform(-0.03, 0.03, 4)
        box = (float(x0), float(y0), float(x1), float(y1))
        span_s = (trace.span_s[0], trace.span_s[1] + float(rng.uniform(0, 0.5)))
    return PredictedTrace(
        float(rng.integers(0, 8) / 8),
        None if lacking and rng.random() < 0.2 else box,
        None if lacking and rng.random() < 0.2 else span_s,
        categories={name: float(rng.integers(0, 5) / 4) for name in CATEGORIES[:5]},
    )


def some_items(seed: int, count: int = 10, *, lacking: bool = True, exhaustive_fakes: bool = False) -> list[Item]:
    """Videos of both classes; scores have ties. `lacking`: parts of annotations and answers are missing."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(count):
        is_fake = bool(rng.random() < 0.6)
        traces = tuple(some_trace(rng, lacking=lacking) for _ in range(int(rng.integers(0, 4)) if is_fake else 0))
        video = VideoAnnotation(
            f"v{place}",
            Path(f"v{place}.mp4"),
            "fake" if is_fake else "real",
            source=f"s{rng.integers(0, 3)}",
            width=int(rng.choice([320, 640])),
            height=480,
            duration_s=float(rng.choice([3.0, 6.0])),
            traces=None if lacking and is_fake and rng.random() < 0.1 else traces,
            exhaustive=exhaustive_fakes or not is_fake,
        )
        found.append(Item(video, some_prediction(rng, video, lacking=lacking)))
    return found


def some_prediction(rng: np.random.Generator, video: VideoAnnotation, *, lacking: bool) -> Prediction | None:
    if lacking and rng.random() < 0.1:
        return None
    traces = video.traces or ()
    candidates = [
        some_candidate(rng, traces[rng.integers(0, len(traces))] if traces else None, lacking=lacking)
        for _ in range(rng.integers(0, 5))
    ]
    candidates.sort(key=lambda c: -c.score)
    best: Any = candidates[0] if candidates else PredictedTrace(0.0)
    return Prediction(
        video.video_id,
        "fake" if rng.random() < 0.5 else "real",
        None if lacking and rng.random() < 0.1 else float(rng.integers(0, 6) / 5),
        best.box,
        None if best.span_s is None else best.span_s[0],
        None if best.span_s is None else best.span_s[1],
        traces=tuple(candidates),
        abstain=bool(rng.random() < 0.2),
    )


def repeated(items: list[Item], weights: list[int]) -> list[Item]:
    """Each item as often as its weight says."""
    return [item for item, weight in zip(items, weights, strict=True) for _ in range(weight)]
