"""Decoding of hand-made outputs: what a person would read off them must come out."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.boxes import box_iou, paired_box_iou
from dtr.clock import Clock
from dtr.decode.assemble import ClipGeometry, decode_clip
from dtr.decode.boundary import decode_spans
from dtr.decode.box import best_expected_iou, decode_tubes
from dtr.decode.category import pool_categories
from dtr.decode.label import clip_logit
from dtr.decode.options import DecodeOptions
from dtr.decode.stitch import softmax, stitch, weighted_quantile
from dtr.errors import ConfigError, DetectorError
from dtr.spec import HeadSpec, TensorSpec
from dtr.views import grid_cells

BINS = np.array([-0.25, -0.05, 0.0, 0.05, 0.25, 0.5, 1.0, 2.0, 4.0])


def step_times(count: int) -> np.ndarray:
    start = np.arange(count) / 6
    return np.stack([start, start + 1 / 6], axis=1)


def peaked(values: np.ndarray) -> np.ndarray:
    """Logits over BINS whose two bins around each value share the mass linearly."""
    logits = np.full((len(values), len(BINS)), -30.0)
    for row, value in enumerate(np.clip(values, BINS[0], BINS[-1])):
        right = int(np.clip(np.searchsorted(BINS, value), 1, len(BINS) - 1))
        weight = (value - BINS[right - 1]) / (BINS[right] - BINS[right - 1])
        logits[row, right - 1], logits[row, right] = np.log(1 - weight + 1e-9), np.log(weight + 1e-9)
    return logits


def boundary_outputs(spans: list[tuple[float, float]], count: int = 24) -> tuple[np.ndarray, ...]:
    centre = step_times(count).mean(axis=1)
    action = np.full(count, -6.0)
    start, end = np.zeros((count, len(BINS))), np.zeros((count, len(BINS)))
    for s, e in spans:
        inside = (centre >= s) & (centre <= e)
        action[inside] = 4.0
        start[inside], end[inside] = peaked(centre[inside] - s), peaked(e - centre[inside])
    return action, start, end


def test_decode_spans__recovers_two_spans_finer_than_a_step() -> None:
    true = [(0.3, 1.2), (2.1, 3.4)]
    action, start, end = boundary_outputs(true)
    found = decode_spans(action, start, end, BINS, step_times(24), np.ones(24, bool), 4.0)
    best = sorted(c.span_s for c in found[:2])
    assert np.abs(np.array(best) - np.array(true)).max() < 0.12
    assert found[0].score > 0.9
    assert sum(c.share for c in found) == pytest.approx(1.0, abs=1e-3)


def test_decode_spans__masked_steps_do_not_vote() -> None:
    action, start, end = boundary_outputs([(0.3, 1.2)])
    mask = np.ones(24, bool)
    mask[20] = False
    before = decode_spans(action, start, end, BINS, step_times(24), mask, 4.0)
    action[20], start[20] = 50.0, 9.0
    assert decode_spans(action, start, end, BINS, step_times(24), mask, 4.0) == before


def test_decode_spans__everything_masked_gives_nothing() -> None:
    action, start, end = boundary_outputs([])
    assert decode_spans(action, start, end, BINS, step_times(24), np.zeros(24, bool), 4.0) == []


@pytest.mark.parametrize("duration", [0.0, 0.02, 0.1, 4.0])
def test_decode_spans__stay_inside_the_clip_and_are_never_reversed(duration: float) -> None:
    rng = np.random.default_rng(0)
    count = max(1, round(duration * 6))
    logits = rng.normal(size=(2, count, len(BINS))) * 5
    found = decode_spans(
        rng.normal(size=count), logits[0], logits[1], BINS, step_times(count), np.ones(count, bool), duration
    )
    assert found
    for c in found:
        assert 0 <= c.span_s[0] < c.span_s[1] <= max(duration, 0.04) + 1e-9


def grid_outputs(boxes: list[list[float]], count: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells = grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 8, 8)
    centre = (cells[:, :2] + cells[:, 2:]) / 2
    heat = np.full((count, 64), -8.0)
    out = np.tile(cells.astype(float), (count, 1, 1))
    for box in boxes:
        inside = (centre > box[:2]).all(axis=1) & (centre < box[2:]).all(axis=1)
        heat[:, inside] = 3.0
        out[:, inside] = box
    return heat, out, np.tile(cells, (count, 1, 1))


def test_decode_tubes__recovers_two_objects() -> None:
    true = [[0.1, 0.1, 0.45, 0.5], [0.6, 0.55, 0.95, 0.9]]
    heat, boxes, _ = grid_outputs(true)
    tubes = decode_tubes(heat, boxes, np.ones((6, 64), bool), step_times(6), (0.0, 1.0))
    assert len(tubes) == 2
    overlap = box_iou([t.box for t in tubes], true)
    assert sorted(overlap.argmax(axis=1)) == [0, 1]
    assert overlap.max(axis=1).min() > 0.99
    assert all(len(t.boxes) == 6 and t.score > 0.9 for t in tubes)


def test_decode_tubes__follow_a_moving_object() -> None:
    cells = grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 8, 8)
    heat, boxes = np.full((12, 64), -8.0), np.tile(cells.astype(float), (12, 1, 1))
    for step in range(12):
        box = np.array([0.05 + 0.04 * step, 0.3, 0.35 + 0.04 * step, 0.7])
        centre = (cells[:, :2] + cells[:, 2:]) / 2
        inside = (centre > box[:2]).all(axis=1) & (centre < box[2:]).all(axis=1)
        heat[step, inside], boxes[step, inside] = 3.0, box
    tube = decode_tubes(heat, boxes, np.ones((12, 64), bool), step_times(12), (0.0, 2.0))[0]
    travelled = tube.boxes[-1, 0] - tube.boxes[0, 0]
    assert 0.3 < travelled < 0.45


def moving_outputs(path: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Heat on a box that moves; the other tokens believe in a box around themselves, as a trained head does."""
    heat, boxes, cells = grid_outputs([], len(path))
    centre = (cells[0, :, :2] + cells[0, :, 2:]) / 2
    boxes[:] = np.concatenate([centre - 0.12, centre + 0.12], axis=1).clip(0, 1)
    for step, box in enumerate(path):
        inside = (centre > box[:2]).all(axis=1) & (centre < box[2:]).all(axis=1)
        heat[step, inside], boxes[step, inside] = 3.0, box
    return heat, boxes


ACROSS = [[0.02 + 0.06 * i, 0.3, 0.27 + 0.06 * i, 0.7] for i in range(12)]


def test_decode_tubes__follow_an_object_across_the_frame() -> None:
    heat, boxes = moving_outputs(ACROSS)
    tubes = decode_tubes(heat, boxes, np.ones((12, 64), bool), step_times(12), (0.0, 2.0))
    assert len(tubes) == 1  # one object, however far it goes
    assert paired_box_iou(tubes[0].boxes, ACROSS).min() > 0.95
    prior = DecodeOptions(prior_boxes=((0.4, 0.5, 0.7, 0.9),), box_prior=0.9)
    moved = decode_tubes(heat, boxes, np.ones((12, 64), bool), step_times(12), (0.0, 2.0), prior)[0]
    assert (moved.score, moved.share) == (tubes[0].score, tubes[0].share)  # a prior moves, it does not choose
    assert (moved.boxes - tubes[0].boxes)[4:8] == pytest.approx(np.tile(moved.box - tubes[0].box, (4, 1)))


def test_decode_tubes__hold_the_box_while_the_object_is_not_seen() -> None:
    heat, boxes = moving_outputs([[0.1, 0.3, 0.4, 0.7]] * 4 + [[0.7, 0.1, 0.9, 0.3]] * 2 + [[0.1, 0.3, 0.4, 0.7]] * 6)
    tubes = decode_tubes(heat, boxes, np.ones((12, 64), bool), step_times(12), (0.0, 2.0))
    assert [round(t.share, 2) for t in tubes] == [0.83, 0.17]
    assert tubes[0].boxes == pytest.approx(np.tile([0.1, 0.3, 0.4, 0.7], (12, 1)), abs=0.01)


def test_decode_tubes__a_span_between_two_frames_takes_the_nearest() -> None:
    heat, boxes, _ = grid_outputs([[0.1, 0.1, 0.45, 0.5]])
    mask = np.zeros((6, 64), bool)
    mask[[0, 5]] = True
    tube = decode_tubes(heat, boxes, mask, step_times(6), (0.3, 0.4))[0]
    assert tube.steps.tolist() == [0]
    assert tube.box == pytest.approx([0.1, 0.1, 0.45, 0.5])


def test_decode_tubes__outside_the_span_nothing_counts() -> None:
    heat, boxes, _ = grid_outputs([[0.1, 0.1, 0.45, 0.5]])
    before = decode_tubes(heat, boxes, np.ones((6, 64), bool), step_times(6), (0.0, 0.5))
    heat[4:], boxes[4:] = 9.0, 0.7
    after = decode_tubes(heat, boxes, np.ones((6, 64), bool), step_times(6), (0.0, 0.5))
    assert np.array_equal(before[0].box, after[0].box)
    assert decode_tubes(heat, boxes, np.zeros((6, 64), bool), step_times(6), (0.0, 0.5)) == []


def test_best_expected_iou__beats_every_other_box_of_a_fine_grid() -> None:
    """A box between doubtful ones must not be far worse than the best of an exhaustive search."""
    rng = np.random.default_rng(3)
    low = rng.uniform(0, 0.5, (20, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.2, 0.5, (20, 2))], axis=1).clip(0, 1)
    weights = rng.uniform(size=20)
    ours = (box_iou([best_expected_iou(boxes, weights)], boxes) @ weights).item()
    sides = np.array([(a, b) for a in np.arange(0, 1, 0.1) for b in np.arange(a + 0.1, 1.01, 0.1)])
    grid = np.array([[x0, y0, x1, y1] for x0, x1 in sides for y0, y1 in sides])
    assert ours > 0.93 * (box_iou(grid, boxes) @ weights).max()
    assert ours >= (box_iou(boxes, boxes) @ weights).max() - 1e-9


def test_pool_categories__each_tube_gets_its_own() -> None:
    cells = np.tile(grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 2, 2), (12, 1, 1))
    logits = np.full((12, 4, 9), -4.0)
    logits[:6, 0, 3] = 4.0  # top left, first second
    logits[6:, 3, 5] = 4.0  # bottom right, second second
    mask = np.ones((12, 4), bool)
    first = pool_categories(logits, mask, cells, step_times(12), (0.0, 1.0), np.array([0, 0, 0.5, 0.5]))
    second = pool_categories(logits, mask, cells, step_times(12), (1.0, 2.0), np.array([0.5, 0.5, 1, 1]))
    assert (first.argmax(), second.argmax()) == (3, 5)
    assert first[5] < 0.1
    assert np.isfinite(pool_categories(logits, ~mask, cells, step_times(12), None, None)).all()


def test_clip_logit__padding_and_masked_windows_weigh_nothing() -> None:
    windows = np.array([[0, 1], [2, -1], [3, 3]])
    assert clip_logit(np.array([1.0, 2.0, 99.0]), windows, np.array([1, 1, 1, 0], bool)) == pytest.approx(4 / 3)
    assert clip_logit(np.array([1.0, 3.0, 5.0]), windows, np.zeros(4, bool)) == pytest.approx(3.0)


def test_stitch__overlapping_windows_of_a_function_of_time_give_it_back() -> None:
    windows = Clock().window_steps(37)
    values = np.where(windows < 0, 1e9, np.sin(windows))[..., None]
    assert np.allclose(stitch(values, windows, 37)[:, 0], np.sin(np.arange(37)))


def test_softmax__masked_and_empty() -> None:
    rows = softmax(np.array([[0.0, 1e4, 0.0], [1.0, 2.0, 3.0]]), np.array([[True, False, True], [False, False, False]]))
    assert rows.tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]


def test_weighted_quantile__is_the_least_absolute_error_point() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=50), rng.uniform(size=50)
    cost = [(weights * np.abs(values - v)).sum() for v in values]
    median = weighted_quantile(values, weights)
    assert (weights * np.abs(values - median)).sum() == pytest.approx(min(cost))


def geometry(count: int, tokens: int = 64) -> ClipGeometry:
    windows = Clock().window_steps(count)
    cells = np.tile(grid_cells(np.array([0.0, 0.0, 1.0, 1.0]), 8, 8), (count, 1, 1))
    return ClipGeometry(windows, step_times(count), np.ones((count, tokens), bool), cells, count / 6)


def windowed(values: np.ndarray, windows: np.ndarray) -> np.ndarray:
    return values[np.maximum(windows, 0)]


def detector_outputs(count: int = 24) -> tuple[dict[str, np.ndarray], dict[str, HeadSpec], ClipGeometry]:
    """Outputs of four perfect heads for one trace: 1.0–3.0 s, upper left, category 2."""
    g = geometry(count)
    action, start, end = boundary_outputs([(1.0, 3.0)], count)
    heat, boxes, _ = grid_outputs([[0.1, 0.1, 0.45, 0.5]], count)
    category = np.full((count, 64, 9), -4.0)
    category[..., 2] = 4.0
    per_step = {
        "when.action_logits": action,
        "when.start_logits": start,
        "when.end_logits": end,
        "when.spans_s": np.zeros((count, 2)),
        "where.heat_logits": heat,
        "where.boxes": boxes,
        "what.token_logits": category,
        "is.step_logits": np.ones(count),
    }
    outputs = {name: windowed(v, g.window_steps) for name, v in per_step.items()}
    outputs["is.video_logit"] = np.full(len(g.window_steps), 3.0)
    bt = ("B", "T")
    specs = {
        "is": HeadSpec("label", 4, (TensorSpec("video_logit", ("B",)), TensorSpec("step_logits", bt))),
        "what": HeadSpec("category", 4, (TensorSpec("token_logits", (*bt, "P", 9)),)),
        "where": HeadSpec("box", 4, (TensorSpec("heat_logits", (*bt, "P")), TensorSpec("boxes", (*bt, "P", 4)))),
        "when": HeadSpec(
            "boundary",
            4,
            (*(TensorSpec(n, (*bt, 9)) for n in ("start_logits", "end_logits")), TensorSpec("action_logits", bt)),
            params={"bins_s": BINS.tolist()},
        ),
    }
    return outputs, specs, g


def test_decode_clip__assembles_one_trace_from_four_heads() -> None:
    outputs, specs, g = detector_outputs()
    decoding = decode_clip(outputs, specs, g)
    best = decoding.candidates[0]
    assert decoding.label_logit == pytest.approx(3.0)
    assert np.allclose(best.span_s, (1.0, 3.0), atol=0.1)
    assert box_iou([best.box], [[0.1, 0.1, 0.45, 0.5]])[0, 0] > 0.95
    assert best.categories.argmax() == 2
    assert set(best.parts) == {"boundary", "box", "category"}
    parts = np.array(list(best.parts.values()))
    assert best.raw_score == pytest.approx(np.prod(parts) ** (1 / 3) / (1 + np.exp(-3.0)))
    assert (best.times_s >= best.span_s[0]).all()
    assert (best.times_s <= best.span_s[1]).all()


@pytest.mark.parametrize("kept", [["is"], ["where"], ["when"], ["is", "when"], ["is", "where", "what"]])
def test_decode_clip__works_with_any_subset_of_heads(kept: list[str]) -> None:
    outputs, specs, g = detector_outputs()
    decoding = decode_clip(outputs, {name: specs[name] for name in kept}, g)
    assert bool(decoding.candidates) == bool({"where", "when"} & set(kept))
    assert (decoding.label_logit is None) == ("is" not in kept)
    if "when" not in kept and decoding.candidates:
        assert decoding.candidates[0].span_s == (0.0, g.duration_s)
    if "where" not in kept and decoding.candidates:
        assert decoding.candidates[0].box.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_decode_clip__candidates_come_strongest_first_without_duplicates() -> None:
    outputs, specs, g = detector_outputs()
    rng = np.random.default_rng(0)
    outputs = {n: v + rng.normal(size=v.shape) for n, v in outputs.items()}
    candidates = decode_clip(outputs, specs, g, options=DecodeOptions(max_candidates=4)).candidates
    scores = [c.raw_score for c in candidates]
    assert scores == sorted(scores, reverse=True)
    assert len(candidates) <= 4


def test_decode_clip__the_answer_is_the_candidate_that_priors_move() -> None:
    outputs, specs, g = detector_outputs()
    action, start, end = boundary_outputs([(0.2, 2.9), (3.2, 3.7)])
    action[action > 0], action[20:22] = 1.0, 2.0  # the long span holds more probability, the short one is surer
    for name, value in zip(("action_logits", "start_logits", "end_logits"), (action, start, end), strict=True):
        outputs[f"when.{name}"] = windowed(value, g.window_steps)
    outputs["what.token_logits"] = windowed(np.where(step_times(24)[:, :1, None] > 3, 6.0, -6.0), g.window_steps)
    outputs["what.token_logits"] = outputs["what.token_logits"] + np.zeros((1, 1, 64, 9))
    prior = DecodeOptions(prior_onsets=(0.1,), prior_offsets=(0.5,), span_prior=0.9)
    first, second = decode_clip(outputs, specs, g, options=prior).candidates[:2]
    assert first.span_s == pytest.approx((0.4, 2.0))
    assert second.span_s == pytest.approx((3.2, 3.7), abs=0.1)
    assert second.raw_score <= first.raw_score


def test_decode_clip__categories_are_read_along_the_way() -> None:
    g = geometry(12)
    heat, boxes = moving_outputs(ACROSS)
    centre = (g.cells[..., :2] + g.cells[..., 2:]) / 2
    way = np.array(ACROSS)[:, None]
    on_it = ((centre > way[..., :2]) & (centre < way[..., 2:])).all(axis=-1)
    category = np.full((12, 64, 9), -4.0)
    category[..., 2] = np.where(on_it, 4.0, -4.0)
    _, specs, _ = detector_outputs()
    per_step = {"where.heat_logits": heat, "where.boxes": boxes, "what.token_logits": category}
    outputs = {name: windowed(v, g.window_steps) for name, v in per_step.items()}
    best = decode_clip(outputs, {name: specs[name] for name in ("where", "what")}, g).candidates[0]
    assert best.categories[2] > 0.7  # 0.4 inside its one box, which the object only passes through


def test_options__unknown_key_is_named() -> None:
    with pytest.raises(ConfigError, match="max_spam"):
        DecodeOptions.from_json({"max_spam": 3})


def test_decode_spans__prior_decides_what_votes_leave_open_and_no_more() -> None:
    action, start, end = boundary_outputs([(0.3, 1.2)])
    args = (BINS, step_times(24), np.ones(24, bool), 4.0)
    prior = DecodeOptions(prior_onsets=(0.5,), prior_offsets=(0.9,), span_prior=0.3)
    sure = decode_spans(action, start, end, *args)[0].span_s
    assert decode_spans(action, start, end, *args, prior)[0].span_s == pytest.approx(sure, abs=0.2)
    strong = DecodeOptions(prior_onsets=(0.5,), prior_offsets=(0.9,), span_prior=0.9)
    assert decode_spans(action, start, end, *args, strong)[0].span_s == pytest.approx((2.0, 3.6))


def test_decode_tubes__prior_moves_the_likeliest_box_only() -> None:
    heat, boxes, _ = grid_outputs([[0.1, 0.1, 0.45, 0.5], [0.6, 0.55, 0.95, 0.9]])
    args = (heat, boxes, np.ones((6, 64), bool), step_times(6), (0.0, 1.0))
    prior = DecodeOptions(prior_boxes=((0.2, 0.2, 0.8, 0.8),), box_prior=0.9)
    assert decode_tubes(*args, prior)[0].box == pytest.approx([0.2, 0.2, 0.8, 0.8])
    weak = DecodeOptions(prior_boxes=((0.2, 0.2, 0.8, 0.8),), box_prior=0.01)
    assert len(decode_tubes(*args, weak)) == 2


def test_options__survive_json() -> None:
    given = DecodeOptions(prior_boxes=((0.0, 0.0, 0.5, 0.5),), box_prior=0.5, prior_onsets=(0.1, 0.2))
    data = {"prior_boxes": [[0.0, 0.0, 0.5, 0.5]], "box_prior": 0.5, "prior_onsets": [0.1, 0.2]}
    assert DecodeOptions.from_json(data) == given
    with pytest.raises(ConfigError, match=r"1\.5"):
        DecodeOptions(box_prior=1.5)


def test_decode_clip__two_heads_of_a_kind_are_refused() -> None:
    outputs, specs, g = detector_outputs()
    with pytest.raises(DetectorError, match="one head of each kind"):
        decode_clip(outputs, specs | {"again": specs["is"]}, g)


def test_weighted_quantile__the_scale_of_the_weights_changes_nothing() -> None:
    values, weights = np.array([0.0, 1.0, 5.0]), np.array([0.2, 0.5, 0.3])
    assert [weighted_quantile(values, weights * scale) for scale in (1.0, 1e-13, 1e-200)] == [1.0, 1.0, 1.0]
