import builtins
import math
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.errors import AnnotationError, MissingExtraError
from dtr.metadata_floor import metadata_floor


def videos(n, seed, *, width=(640, 640), fps=(25.0, 25.0)):
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        k = i % 2  # 1 = fake
        found.append(
            VideoAnnotation(
                f"{seed}-{i}", Path("v.mp4"), ("real", "fake")[k], width=width[k], height=360, fps=fps[k],
                duration_s=float(rng.uniform(4, 9)),
            )
        )  # fmt: skip
    return found


def facts_of(parts, *, sound=lambda v: True):
    return {v.video_id: {"codec": "h264", "has_audio": sound(v), "bytes": 500_000} for part in parts for v in part}


def test_metadata_floor__finds_the_sound_that_names_the_label():
    train, test = videos(80, 0), videos(40, 1)
    leak = metadata_floor(train, test, facts_of((train, test), sound=lambda v: v.label == "real"))
    assert leak.auroc == 1.0
    assert "codec=h264" in leak.features
    clean = metadata_floor(train, test, facts_of((train, test)))
    assert 0.2 < clean.auroc < 0.8
    assert len(clean.scores) == len(clean.target) == 40


def test_metadata_floor__canonical_form_hides_size_and_rate_but_not_shape_and_slowness():
    rates = [videos(80, 0, fps=(30.0, 24.0)), videos(40, 1, fps=(30.0, 24.0))]
    assert 0.3 < metadata_floor(*rates).auroc < 0.7
    assert metadata_floor(*rates, facts_of(rates)).auroc == 1.0
    slow = [videos(80, 0, fps=(30.0, 4.0)), videos(40, 1, fps=(30.0, 4.0))]
    assert metadata_floor(*slow).auroc == 1.0
    shape = [videos(80, 0, width=(640, 480)), videos(40, 1, width=(640, 480))]
    assert metadata_floor(*shape).auroc == 1.0


def test_metadata_floor__unknown_facts_and_new_codecs_are_answered():
    train, test = videos(20, 0), videos(4, 1)
    facts = facts_of((train, test))
    facts[test[0].video_id] = {"codec": "av1", "has_audio": None, "bytes": None}
    floor = metadata_floor(train, test, facts)
    assert np.isfinite(floor.scores).all()
    assert floor.num_unknown == {"log_bytes_per_s": 1, "has_audio": 1}


def test_metadata_floor__who_lacks_a_fact_is_no_fact():
    train, test = videos(80, 0), videos(40, 1)
    facts = facts_of((train, test))
    for video in train + test:
        if video.label == "real":
            facts[video.video_id]["has_audio"] = None
            del facts[video.video_id]["codec"]
    floor = metadata_floor(train, test, facts)
    assert 0.2 < floor.auroc < 0.8
    assert floor.num_unknown == {"has_audio": 60, "codec=h264": 60}


def test_metadata_floor__one_class_or_none_to_score_is_nan():
    train = videos(20, 0)
    assert math.isnan(metadata_floor(train, train[:1]).auroc)
    assert math.isnan(metadata_floor(train, []).auroc)


def test_metadata_floor__says_what_is_wrong():
    train, test = videos(20, 0), videos(4, 1)
    with pytest.raises(AnnotationError, match="needs real and fake training videos, got 0 fake of 10"):
        metadata_floor(train[::2], test)
    with pytest.raises(AnnotationError, match="got none of them for video 0-0"):
        metadata_floor(train, test, {})
    with pytest.raises(AnnotationError, match="label for every video, got none for 1"):
        metadata_floor(train, [VideoAnnotation("u", Path("u.mp4"), None)])


def test_metadata_floor__names_the_extra_when_scikit_learn_is_missing(monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"dtr-video\[report\]"):
        metadata_floor(videos(4, 0), videos(4, 1))
