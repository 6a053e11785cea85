from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.evaluation.figures import draw_weights
from dtr.evaluation.items import Item
from dtr.evaluation.slices import slices
from dtr.metrics.intervals import clopper_pearson
from dtr.predictions import Prediction
from dtr.worst_cases import SHOWN, worst_cases


def item(video_id: str, label: Any, source: str, score: float | None) -> Item:
    said = None if score is None else Prediction(video_id, "fake" if score >= 0.5 else "real", score)
    return Item(VideoAnnotation(video_id, Path(video_id), label, source=source, duration_s=2.0), said)


def tables(items: list[Item], facts: dict[str, Any] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    found = worst_cases(items, facts or {}, draw_weights(len(items), n=50))
    found = json.loads(json.dumps(found, allow_nan=False))  # it travels in detector.json
    return {(t["label"], t["by"]): t for t in found}


SMALL = [
    item("a", "fake", "good", 0.9),
    item("b", "fake", "good", 0.8),
    item("c", "fake", "bad", 0.3),
    item("d", "fake", "bad", 0.7),
    item("e", "fake", "single", 0.2),
    item("f", "real", "phone", 0.6),
    item("g", "real", "phone", 0.1),
    item("h", "real", "tv", 0.2),
    item("i", "real", "tv", 0.1),
    item("j", "real", "tv", 0.0),
]


def test_generators__the_least_found_first_and_the_rest_together() -> None:
    table = tables(SMALL)["fake", "generator"]
    assert table["groups"] == 3
    assert [(r["name"], r["n"], r["called_fake"]) for r in table["rows"]] == [("bad", 2, 1), ("good", 2, 2)]
    assert table["rows"][0]["interval"] == list(clopper_pearson(1, 2))
    assert table["rows"][0]["auroc"] == pytest.approx((4 / 5 + 1) / 2)
    assert table["rows"][0]["auroc_interval"] is None  # two clips: resampling would give none worth its name
    others = table["others"]
    assert (others["groups"], others["n"], others["called_fake"]) == (1, 1, 0)


def test_generators__auroc_is_that_of_the_slices_of_dtr_evaluate() -> None:
    expected = {s.name: s.measures["auroc"] for s in slices(SMALL) if s.kind == "generator"}
    rows = tables(SMALL)["fake", "generator"]["rows"]
    assert {r["name"]: r["auroc"] for r in rows} == pytest.approx({k: expected[k] for k in ("bad", "good")})


def test_real_sources__the_most_alarms_first_without_an_auroc() -> None:
    table = tables(SMALL)["real", "source"]
    assert [(r["name"], r["n"], r["called_fake"], r["auroc"]) for r in table["rows"]] == [
        ("phone", 2, 1, None),
        ("tv", 3, 0, None),
    ]
    assert table["others"] is None


def test_tables__every_clip_is_counted_once() -> None:
    rng = np.random.default_rng(0)
    many = [item(f"v{k}", "fake" if k % 2 else "real", f"s{k % 31}", float(rng.random())) for k in range(120)]
    for (label, _), table in tables(many).items():
        assert len(table["rows"]) == SHOWN
        parts = [*table["rows"], table["others"]]
        assert sum(p["n"] for p in parts) == 60
        assert sum(p["groups"] for p in parts) == table["groups"]
        assert sum(p["called_fake"] for p in parts) == sum(i.called_fake for i in many if i.video.label == label)


def test_tables__a_group_of_ten_clips_has_an_interval_of_its_auroc() -> None:
    ten = [item(f"x{k}", "fake", "ten", k / 10) for k in range(10)]
    low, high = tables([*SMALL[5:], *ten])["fake", "generator"]["rows"][0]["auroc_interval"]
    assert 0 <= low < high <= 1


def test_facts__one_table_for_each_that_some_clip_of_a_label_states() -> None:
    facts: dict[str, Any] = {v: {"style": "photoreal"} for v in "abcf"} | {"d": {"style": " "}, "e": {"style": 3}}
    found = tables(SMALL, facts)
    assert set(found) == {("fake", "generator"), ("real", "source"), ("fake", "style"), ("real", "style")}
    rows = found["fake", "style"]["rows"]
    assert {r["name"]: (r["n"], r["called_fake"]) for r in rows} == {"not stated": (2, 1), "photoreal": (3, 2)}
    assert found["real", "style"]["others"]["n"] == 1  # the one that says it; the other four say nothing


def test_tables__one_label_only() -> None:
    only_fake = tables(SMALL[:5])
    assert set(only_fake) == {("fake", "generator")}
    assert [r["name"] for r in only_fake["fake", "generator"]["rows"]] == ["bad", "good"]
    assert only_fake["fake", "generator"]["rows"][0]["auroc"] is None
    assert set(tables(SMALL[5:])) == {("real", "source")}


def test_tables__a_clip_without_an_answer_is_not_called_fake() -> None:
    silent = [replace(SMALL[0], prediction=None), *SMALL[1:]]
    good = next(r for r in tables(silent)["fake", "generator"]["rows"] if r["name"] == "good")
    assert (good["n"], good["called_fake"]) == (2, 1)
