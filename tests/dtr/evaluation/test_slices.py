"""Every slice against measuring its videos alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from dtr.evaluation.items import Item
from dtr.evaluation.measure import measure
from dtr.evaluation.rows import ROW_METRICS
from dtr.evaluation.slices import Slice, bin_name, slices
from dtr.floors import fit_floors, floor_rows
from tests.random_items import some_items

ITEMS = some_items(31, 60)
FOUND = slices(ITEMS)


def of_kind(kind: str) -> dict[str, Slice]:
    return {s.name: s for s in FOUND if s.kind == kind}


def test_slices__of_a_generator_are_its_videos_against_all_real_ones() -> None:
    fakes = {item.video.source for item in ITEMS if item.is_fake}
    assert set(of_kind("generator")) == fakes
    for name, part in of_kind("generator").items():
        mine = [item for item in ITEMS if item.is_fake and item.video.source == name]
        wanted = measure([*mine, *(item for item in ITEMS if not item.is_fake)])
        assert dict(part.measures) == pytest.approx({n: wanted[n] for n in part.measures}, nan_ok=True)
        assert "real_accuracy" not in part.measures
        assert "accuracy" not in part.measures
        assert (part.n_videos, part.n_rows) == (len(mine), sum(len(item.rows) for item in mine))


def test_slices__of_a_real_source_are_false_alarms_only() -> None:
    for name, part in of_kind("real source").items():
        mine = [item for item in ITEMS if not item.is_fake and item.video.source == name]
        assert dict(part.measures) == {"false_alarm_rate": pytest.approx(np.mean([i.called_fake for i in mine]))}
        assert (part.n_videos, part.n_rows) == (len(mine), 0)


def test_slices__by_length_and_size_hold_both_classes_and_miss_nobody() -> None:
    for kind, names in (("duration", {"2–4 s", "6–10 s"}), ("short side", {"< 360 px", "360–540 px"})):
        parts = of_kind(kind)
        assert set(parts) == names
        assert sum(p.n_videos for p in parts.values()) == len(ITEMS)
    mine = [item for item in ITEMS if item.video.duration_s == 3.0]
    assert dict(of_kind("duration")["2–4 s"].measures) == pytest.approx(measure(mine), nan_ok=True)


def test_slices__of_trace_rows_are_those_rows_alone() -> None:
    for kind, chosen in (
        ("category", lambda t: t.categories is not None and "Sudden Blurring" in t.categories),
        ("category", lambda t: t.categories is None),
        ("category", lambda t: t.categories is not None and not t.categories),
        ("trace length", lambda t: t.span_s is not None and 0.5 <= t.span_s[1] - t.span_s[0] < 1),
        ("trace area", lambda t: t.box is None),
    ):
        rows = [
            Item(replace(item.video, traces=(t,)), item.prediction) for item in ITEMS for t in item.rows if chosen(t)
        ]
        assert rows
        found = [p for p in of_kind(kind).values() if p.n_rows == len(rows)]
        wanted = {n: measure(rows)[n] for n in ROW_METRICS}
        wanted["called_fake"] = float(np.mean([item.called_fake for item in rows]))
        assert any(dict(p.measures) == pytest.approx(wanted, nan_ok=True) for p in found), kind
    assert sum(p.n_rows for p in of_kind("trace length").values()) == sum(len(item.rows) for item in ITEMS)


def test_slices__have_the_best_constant_beside_place_and_time() -> None:
    floors = fit_floors([item.video for item in some_items(32, 60)])
    found = {(p.kind, p.name): p for p in slices(ITEMS, floors)}
    videos = [item.video for item in ITEMS]
    by_name = floor_rows(floors, videos)["box_iou"]
    best = max(by_name, key=lambda n: float(np.concatenate(by_name[n]).mean()))
    name = next(v.source for v in videos if v.label == "fake" and v.traces)
    rows = [r for v, r in zip(videos, by_name[best], strict=True) if v.source == name and v.label == "fake"]
    part = found["generator", name]
    assert part.measures["floor_box_iou"] == pytest.approx(float(np.concatenate(rows).mean()))
    assert "floor_viou" not in part.measures
    assert {"floor_time_distance", "floor_tiou"} <= set(found["category", "Sudden Blurring"].measures)
    plain = {n: v for n, v in part.measures.items() if not n.startswith("floor")}
    assert plain == pytest.approx(dict(of_kind("generator")[name].measures), nan_ok=True)


def test_slices__one_video_unknown_facts_and_json() -> None:
    item = next(i for i in ITEMS if not i.is_fake)
    bare = Item(replace(item.video, source="", width=None), None)
    found = slices([bare])
    assert [(p.kind, p.name) for p in found] == [
        ("real source", "not stated"),
        ("duration", bin_name(item.video.duration_s, (2.0, 4.0, 6.0, 10.0), "s")),
        ("short side", "not stated"),
    ]
    data = json.loads(json.dumps(found[1].to_json(), allow_nan=False))
    assert math.isnan(found[1].measures["auroc"])
    assert data["measures"]["auroc"] is None
    assert data["measures"]["accuracy"] == 0.0


def test_bin_name__edges_belong_to_the_upper_bin() -> None:
    assert [bin_name(v, (1.0, 2.0), "s") for v in (0.99, 1.0, 2.0, None)] == ["< 1 s", "1–2 s", "≥ 2 s", "not stated"]
