from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.baselines import fitting
from dtr.baselines.answers import ABOUT, PROBES, SPREADS, all_answers, low_spread_scores
from dtr.baselines.clips import clip_numbers
from dtr.errors import ConfigError
from tests.baseline_data import make_clip


def test_low_spread_scores__rank_low_spread_as_fake_whatever_the_training_labels() -> None:
    asked = np.array([0.5, 1.0, 4.0, np.nan])
    for train in (np.array([1.0]), np.array([100.0, 3.0, np.nan])):
        scores = low_spread_scores(train, asked)
        assert np.all(np.diff(scores[:3]) < 0)
        assert np.isnan(scores[3])
    assert low_spread_scores(np.zeros(2), np.array([0.0, 1.0])).tolist() == [1.0, 0.0]


def test_all_answers__an_unknown_name_is_named() -> None:
    with pytest.raises(ConfigError, match=r"among d3, .* got nonsense"):
        all_answers([], {}, [], only=["nonsense"])


def test_all_answers__every_baseline_tells_the_toys_apart_and_leaves_out_what_it_cannot_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitting, "NETWORKS", 1)  # five take seconds
    monkeypatch.setitem(PROBES, "restrav", replace(PROBES["restrav"], penalties=(1.0,)))
    labels = ["fake" if i % 2 else "real" for i in range(24)]
    videos = [VideoAnnotation(f"t{i}", Path("x"), label, source=f"{label}{i % 5}") for i, label in enumerate(labels)]  # type: ignore[arg-type]
    train = [(v, clip_numbers(make_clip(str(v.label), i, 10))) for i, v in enumerate(videos)]
    groups = {v.video_id: v.source for v in videos}
    asked = [clip_numbers(make_clip("fake", 90, 10)), clip_numbers(make_clip("real", 91, 10)), None]
    asked.append(clip_numbers(make_clip("fake", 92, 2)))
    found = all_answers(train, groups, asked)
    assert set(found) == {*SPREADS, *PROBES} == set(ABOUT)
    for name, answers in found.items():
        assert answers.scores[0] > 0.5 > answers.scores[1], name
        assert np.isnan(answers.scores[2])
        assert np.isnan(answers.scores[3]) == (not name.startswith("probe")), name
        assert (answers.penalty is None) == (name in SPREADS)
