"""Traces are put in as asked: when, how many, of which category, and nothing else is touched."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dtr.annotation import Box
from dtr.errors import ConfigError
from dtr.traces import catalogue
from dtr.traces.mechanism import Brush, Mechanism, Stage
from dtr.traces.paint import Stroke
from dtr.traces.scene import Scene
from dtr.traces.synthesise import SynthSpec, SynthTrace, put_traces, shifted
from tests.traces_scenes import flat_scene, moving_disc_scene

SCENE = moving_disc_scene(24, 48, 64, start=(20.0, 24.0), step=(1.0, 0.0), radius=8.0)
Put = tuple[NDArray[np.uint8], tuple[SynthTrace, ...]]


def brighten(share: tuple[float, float]) -> object:
    """A mechanism's `begin`: a square of a share of the frame somewhere becomes brighter or darker."""

    def begin(stage: Stage) -> Brush | None:
        side = float(stage.rng.uniform(*share))
        high, wide = max(6, round(48 * side)), max(6, round(64 * side))
        y, x = int(stage.rng.integers(0, 49 - high)), int(stage.rng.integers(0, 65 - wide))

        def brush(index: int, rgb: NDArray[np.uint8]) -> Stroke | None:
            part = rgb[y : y + high, x : x + wide].astype(float)
            change = 90 * stage.amount[index] * stage.severity
            pixels = np.where(part > 128, part - change, part + change).astype(np.uint8)
            return Stroke((x, y, x + wide, y + high), pixels, np.ones((high, wide), np.float32))

        return brush

    return begin


def nothing(stage: Stage) -> None:
    """A `begin` that never finds a place."""


def tiny(name: str, category: str, begin: object | None = None, held_out: bool = False) -> Mechanism:
    return Mechanism(name, category, begin or brighten((0.2, 0.4)), ("It is {where}.",), held_out, (0.0, 0.2))  # type: ignore[arg-type]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> object:
    """Puts cheap mechanisms of known doing in the place of the real ones."""

    def use(*mechanisms: Mechanism) -> None:
        monkeypatch.setattr(catalogue, "MECHANISMS", mechanisms)
        monkeypatch.setattr(catalogue, "BY_NAME", {m.name: m for m in mechanisms})

    return use


def draws(count: int, scene: Scene = SCENE, **spec: object) -> list[Put]:
    chosen = SynthSpec(**({"severity": (0.8, 1.0)} | spec))  # type: ignore[arg-type]
    return [put_traces(scene, chosen, np.random.default_rng(seed)) for seed in range(count)]


def lasting(trace: SynthTrace, scene: Scene = SCENE) -> NDArray[np.bool_]:
    """Frames of a scene at which a trace is there: (N,)."""
    return (scene.times_s >= trace.span_s[0] - 1e-9) & (scene.times_s < trace.span_s[1] - 1e-9)


def test_put_traces__draws_categories_evenly_however_many_mechanisms_they_have(use) -> None:
    use(*(tiny(f"a{i}", "a") for i in range(7)), tiny("b", "b"), tiny("c", "c"), tiny("d", "d"))
    found = Counter(t.category for _, traces in draws(80, traces=(1, 1)) for t in traces)
    assert found.total() == 80
    assert all(10 <= found[c] <= 31 for c in "abcd"), found


def test_put_traces__uses_every_mechanism_of_a_category(use) -> None:
    use(*(tiny(f"a{i}", "a") for i in range(4)))
    found = Counter(t.mechanism for _, traces in draws(40, traces=(1, 1)) for t in traces)
    assert all(3 <= found[f"a{i}"] <= 19 for i in range(4)), found


def test_put_traces__takes_another_category_where_one_finds_no_place(use) -> None:
    use(tiny("a", "a", nothing), tiny("b", "b"), tiny("c", "c", nothing))
    assert all([t.category for t in traces] == ["b"] for _, traces in draws(8, traces=(1, 1)))


def test_put_traces__gives_fewer_where_there_is_no_place(use) -> None:
    use(tiny("a", "a", nothing))
    for frames, traces in draws(3, traces=(2, 2)):
        assert traces == ()
        np.testing.assert_array_equal(frames, SCENE.frames)


@pytest.mark.parametrize("share", [(0.2, 0.4), (0.15, 1.0)])
def test_put_traces__two_never_share_a_place_at_the_same_time(use, share: tuple[float, float]) -> None:
    use(tiny("a", "a", brighten(share)), tiny("b", "b", brighten(share)))
    together = 0
    for _, traces in draws(24, traces=(3, 3)):
        for first, second in ((s, t) for i, s in enumerate(traces) for t in traces[i + 1 :]):
            times = set(dict(first.boxes)) & set(dict(second.boxes))
            together += bool(times)
            assert all(shared(dict(first.boxes)[t], dict(second.boxes)[t]) <= 0.31 for t in times)
    assert together > 5


def shared(first: Box, second: Box) -> float:
    """Share of the smaller box that lies in the other."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return max(0, wide) * max(0, high) / min((b[2] - b[0]) * (b[3] - b[1]) for b in (first, second))


def test_put_traces__touches_no_frame_outside_the_spans_and_changes_all_inside(use) -> None:
    use(tiny("a", "a"))
    original = SCENE.frames.copy()
    for frames, traces in draws(20, traces=(1, 2)):
        inside = np.any([lasting(t) for t in traces], axis=0)
        changed = (frames != SCENE.frames).any(axis=(1, 2, 3))
        np.testing.assert_array_equal(changed, inside)
    np.testing.assert_array_equal(SCENE.frames, original)


def test_put_traces__boxes_are_where_and_when_pixels_change(use) -> None:
    use(tiny("a", "a"))
    for frames, traces in draws(10, traces=(1, 1)):
        (trace,) = traces
        assert [t for t, _ in trace.boxes] == SCENE.times_s[lasting(trace)].tolist()
        for (x0, y0, x1, y1), index in zip(dict(trace.boxes).values(), np.flatnonzero(lasting(trace)), strict=True):
            rows, cols = np.nonzero((frames[index] != SCENE.frames[index]).any(axis=-1))
            edges = [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]
            np.testing.assert_allclose([x0 * 64, y0 * 48, x1 * 64, y1 * 48], edges, atol=1)


def test_put_traces__spans_lie_in_the_clip_and_reach_both_ends_as_often_as_asked(use) -> None:
    use(tiny("a", "a"))
    spans = np.array([t.span_s for _, traces in draws(60, traces=(1, 1)) for t in traces])
    assert spans.min() >= 0
    assert spans.max() <= SCENE.duration_s
    assert (spans[:, 1] - spans[:, 0]).min() > 0.2
    from_start, to_end = (spans[:, 0] == 0).mean(), (spans[:, 1] == SCENE.duration_s).mean()
    assert 0.05 < from_start < 0.35
    assert 0.2 < to_end < 0.55
    always = [t.span_s for _, p in draws(5, traces=(1, 1), from_start_p=1.0, to_end_p=1.0) for t in p]
    assert always == [(0.0, SCENE.duration_s)] * 5
    never = np.array([t.span_s for _, p in draws(20, traces=(1, 1), from_start_p=0.0, to_end_p=0.0) for t in p])
    assert (never[:, 0] > 0).mean() > 0.7


def test_put_traces__severity_is_drawn_from_its_range_and_shows(use) -> None:
    use(tiny("a", "a"))
    drawn = [t for _, p in draws(30, traces=(1, 1), severity=(0.3, 1.0)) for t in p]
    severity, visible = np.array([(t.severity, t.visible) for t in drawn]).T
    assert 0.3 <= severity.min() < 0.45
    assert 0.8 < severity.max() <= 1.0
    assert np.corrcoef(severity, visible)[0, 1] > 0.8


def test_put_traces__held_out_ones_are_never_used_for_training(use) -> None:
    use(tiny("a", "a"), tiny("x", "a", held_out=True), tiny("b", "b"), tiny("y", "b", held_out=True))
    names = {kind: {t.mechanism for _, p in draws(15, use=kind) for t in p} for kind in ("trained", "held-out", "all")}
    assert names == {"trained": {"a", "b"}, "held-out": {"x", "y"}, "all": {"a", "b", "x", "y"}}


def test_put_traces__repeats_to_the_byte() -> None:
    spec = SynthSpec(traces=(2, 2), severity=(0.8, 1.0))
    scenes = [Scene(SCENE.frames, SCENE.times_s, SCENE.duration_s) for _ in range(2)]
    (first, traces), (again, same) = (put_traces(s, spec, np.random.default_rng(3)) for s in scenes)
    np.testing.assert_array_equal(first, again)
    assert traces == same
    other, _ = put_traces(SCENE, spec, np.random.default_rng(4))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "scene",
    [flat_scene(6, 48, 64), moving_disc_scene(3, 48, 64, radius=8.0), moving_disc_scene(8, 32, 32, radius=6.0)],
    ids=["flat", "three frames", "tiny"],
)
def test_put_traces__hard_shots_give_what_can_be_seen_or_nothing(scene: Scene) -> None:
    for seed in range(2):
        frames, traces = put_traces(scene, SynthSpec(traces=(1, 1), use="all"), np.random.default_rng(seed))
        assert frames.shape == scene.frames.shape
        assert np.array_equal(frames, scene.frames) == (traces == ())


@pytest.mark.parametrize("count", [1, 2])
def test_put_traces__one_or_two_frames_get_none(count: int) -> None:
    scene = moving_disc_scene(count, 48, 64)
    frames, traces = put_traces(scene, SynthSpec(traces=(2, 2)), np.random.default_rng(0))
    assert traces == ()
    np.testing.assert_array_equal(frames, scene.frames)


def test_put_traces__of_0_asked_changes_nothing(use) -> None:
    use(tiny("a", "a"))
    assert all(traces == () and np.array_equal(frames, SCENE.frames) for frames, traces in draws(3, traces=(0, 0)))


def test_put_traces__keeps_uneven_times(use) -> None:
    use(tiny("a", "a"))
    times = np.cumsum(np.r_[0.0, np.tile([0.03, 0.2, 0.08], 8)])[:24]
    scene = Scene(SCENE.frames, times, float(times[-1]) + 0.3)
    for _, traces in draws(10, scene, traces=(1, 1)):
        (trace,) = traces
        assert {t for t, _ in trace.boxes} <= set(times.tolist())
        assert trace.span_s[0] == trace.boxes[0][0]
        assert trace.span_s[1] in {*times.tolist(), scene.duration_s}


def test_synth_trace__annotation_and_json(use) -> None:
    use(tiny("a", "Object Merging"))
    ((_, (trace,)),) = draws(1, traces=(1, 1))
    assert SynthTrace.from_json(json.loads(json.dumps(trace.to_json()))) == trace
    known = trace.annotation()
    assert (known.span_s, known.boxes, known.categories) == (trace.span_s, trace.boxes, {"Object Merging"})
    assert known.where == "a"
    assert known.explanation is not None
    assert "{" not in known.explanation
    moving = replace(trace, boxes=((0.0, (0.1, 0.2, 0.3, 0.4)), (0.1, (0.2, 0.1, 0.5, 0.3))))
    assert moving.annotation("here").box == (0.1, 0.1, 0.5, 0.4)
    (later,) = shifted((moving,), 2.0)
    assert later.span_s == (trace.span_s[0] + 2, trace.span_s[1] + 2)
    assert [t for t, _ in later.boxes] == [2.0, 2.1]


def test_synth_spec__json_round_trip() -> None:
    spec = SynthSpec(traces=(0, 3), mechanisms=("melt", "Object Merging"), use="all")
    assert SynthSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"severity": (0.0, 1.0)}, "severity must be a range"),
        ({"severity": (0.8, 0.5)}, "severity must be a range"),
        ({"severity": (float("nan"), 1.0)}, "severity must be a range"),
        ({"traces": (2, 1)}, "traces must be a range"),
        ({"traces": (0, 9)}, "traces must be a range"),
        ({"shortest_s": 0.0}, "shortest_s must be above 0"),
        ({"shortest_s": float("nan")}, "shortest_s must be above 0"),
        ({"to_end_p": 1.5}, "chances must lie"),
        ({"mechanisms": ("wobble",)}, "got 'wobble'"),
        ({"mechanisms": ("swell",)}, "no mechanism of swell is trained"),
    ],
)
def test_synth_spec__refuses_what_makes_no_sense(given: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SynthSpec(**given)
