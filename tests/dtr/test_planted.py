"""Planted traces beside annotated ones, and what a variant's annotation becomes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.planted import Planted, with_planted

PUT = TraceAnnotation(
    span_s=(0.5, 1.5),
    box=(0.1, 0.1, 0.6, 0.5),
    boxes=((0.5, (0.1, 0.1, 0.4, 0.5)), (1.0, (0.3, 0.1, 0.6, 0.5))),
    categories=frozenset({"Object Merging"}),
    raw_tags=("Object Merging",),
    explanation="Two things fuse.",
    where="fuse",
)
REAL = VideoAnnotation("r", Path("r.mp4"), "real", traces=(), exhaustive=True)
OWN = TraceAnnotation(span_s=(2.0, 3.0))


def test_planted__json_round_trip_keeps_everything() -> None:
    planted = Planted((PUT,), fake=True, keeps_time=False)
    assert Planted.from_json(json.loads(json.dumps(planted.to_json()))) == planted


@pytest.mark.parametrize("bad", [{}, {"traces": 3, "fake": False, "keeps_time": True}])
def test_planted__other_json_is_refused(bad: dict) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Planted.from_json(bad)


def test_with_planted__a_camera_clip_stays_exhaustive_and_real() -> None:
    known = with_planted(REAL, Planted((PUT,)))
    assert (known.label, known.exhaustive, known.traces) == ("real", True, (PUT,))
    assert with_planted(REAL, Planted()).traces == ()


def test_with_planted__own_traces_stay_unless_time_was_changed() -> None:
    fake = VideoAnnotation("f", Path("f.mp4"), "fake", traces=(OWN,))
    assert with_planted(fake, Planted((PUT,))).traces == (PUT, OWN)
    assert with_planted(fake, Planted((PUT,), keeps_time=False)).traces == (PUT,)


def test_with_planted__a_clip_nobody_looked_at_is_looked_at_only_where_something_was_planted() -> None:
    fake = VideoAnnotation("f", Path("f.mp4"), "fake")
    assert with_planted(fake, Planted()).traces is None
    assert with_planted(fake, Planted((PUT,))).traces == (PUT,)
    assert with_planted(fake, None) is fake


def test_with_planted__pixels_from_a_network_make_a_fake_that_nobody_looked_at() -> None:
    made = with_planted(replace(REAL, source="camera"), Planted(fake=True))
    assert (made.label, made.exhaustive, made.traces, made.source) == ("fake", False, None, "camera")
