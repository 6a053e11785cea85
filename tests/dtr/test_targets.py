from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.batch import collate, make_sample
from dtr.clock import Clock
from dtr.features import ClipFeatures
from dtr.targets import boxes_at, category_row, window_targets
from dtr.views import grid_cells


def clip(steps: int, tokens: int = 4, backbone: str = "b@0") -> ClipFeatures:
    rng = np.random.default_rng(steps)
    cells = np.tile(grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 2, 2)[:tokens], (steps, 1, 1))
    start = np.arange(steps, dtype=np.float32) / 6
    values = rng.normal(size=(steps, tokens, 3)).astype(np.float16)
    return ClipFeatures(values, np.ones((steps, tokens), bool), cells, np.stack([start, start + 1 / 6], 1), backbone)


def video(**kwargs: object) -> VideoAnnotation:
    return VideoAnnotation("v", Path("v.mp4"), "fake", **kwargs)  # type: ignore[arg-type]


def test_window_targets__none_is_not_empty() -> None:
    step_s = clip(4).windows(np.array([[0, 1, 2, 3]])).step_s
    unknown = window_targets(video(traces=None), step_s, 1.0)
    looked = window_targets(video(traces=()), step_s, 1.0)
    assert (unknown.annotated, looked.annotated) == (False, True)
    assert not looked.exhaustive


def test_window_targets__missing_fields_are_masked() -> None:
    traces = (
        TraceAnnotation(span_s=(0.1, 0.4), categories=frozenset()),
        TraceAnnotation(box=(0.1, 0.2, 0.3, 0.4)),
    )
    t = window_targets(video(traces=traces), clip(4).windows(np.array([[0, 1, 2, -1]])).step_s, 0.7)
    assert t.span_mask.tolist() == [True, False]
    assert t.box_mask.tolist() == [False, True]
    assert t.category_mask.tolist() == [True, False]
    assert t.categories.sum() == 0
    assert np.allclose(t.boxes[0, 1], [0.1, 0.2, 0.3, 0.4])


def test_make_sample__takes_the_stated_duration_that_fits_the_steps() -> None:
    steps = np.array([[0, 1, 2, 3]])
    fits = make_sample(video(duration_s=0.74), clip(4), steps)  # the last step ends at 0.667 s
    cut = make_sample(video(duration_s=9.0), clip(4), steps)
    unstated = make_sample(video(), clip(4), steps)
    shorter = make_sample(video(duration_s=0.3), clip(4), steps)
    assert collate([fits]).targets.duration_s.item() == pytest.approx(0.74)
    assert [s.targets.duration_s for s in (cut, unstated, shorter)] == pytest.approx([4 / 6] * 3)


def test_boxes_at__interpolates_and_holds_the_ends() -> None:
    trace = TraceAnnotation(boxes=((1.0, (0.0, 0.0, 0.2, 0.2)), (2.0, (0.4, 0.2, 0.6, 0.4))))
    got = boxes_at(trace, np.array([0.0, 1.5, 9.0]))
    assert np.allclose(got, [[0, 0, 0.2, 0.2], [0.2, 0.1, 0.4, 0.3], [0.4, 0.2, 0.6, 0.4]])


def test_category_row__follows_the_order_of_the_nine() -> None:
    row = category_row(TraceAnnotation(categories=frozenset({CATEGORIES[4]})))
    assert row == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_collate__pads_tokens_steps_and_traces_without_changing_values() -> None:
    a = make_sample(video(traces=(TraceAnnotation((0.0, 0.5), (0, 0, 0.5, 0.5)),)), clip(20), Clock().window_steps(20))
    b = make_sample(video(traces=None), clip(5, tokens=2), np.array([[0, 1, 2, 3, 4]]))
    batch = collate([a, b])
    assert batch.features.tokens.shape == (3, 16, 4, 3)
    assert batch.clip_index.tolist() == [0, 0, 1]
    assert torch.equal(batch.features.tokens[:2], torch.from_numpy(a.features.tokens))
    assert not batch.features.token_mask[2, 5:].any()
    assert not batch.features.token_mask[2, :, 2:].any()
    assert (batch.features.step_s[2, 5:] == batch.features.step_s[2, 4, 1]).all()
    assert batch.window_steps[2].tolist() == [0, 1, 2, 3, 4] + [-1] * 11
    assert batch.targets.trace_mask.tolist() == [[True], [True], [False]]


def test_collate__refuses_features_of_two_backbones() -> None:
    samples = [make_sample(video(), clip(3, backbone=b), np.array([[0, 1, 2]])) for b in ("a@1", "b@2")]
    with pytest.raises(ValueError, match="one backbone"):
        collate(samples)


def test_windows__padding_and_masked_tokens_are_zero() -> None:
    c = clip(18)
    c.token_mask[3, 1] = False
    features, steps = c.all_windows(Clock())
    assert steps.shape == (2, 16)
    assert (features.tokens[~features.token_mask] == 0).all()
    assert not features.token_mask[1, 10:].any()
    assert np.allclose(np.diff(features.step_s[1], axis=1)[10:], 0)
