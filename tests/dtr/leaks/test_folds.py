from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.leaks.folds import grouped_auroc, source_folds


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_source_folds__keep_sources_whole_and_every_label_learnable(data: Any) -> None:
    n = data.draw(st.integers(4, 40))
    target = np.array([i % 2 if i < 4 else data.draw(st.integers(0, 1)) for i in range(n)])
    sources = [data.draw(st.sampled_from("abcdefg")) for _ in range(n)]  # labels may share a source
    folds = source_folds(sources, target, seed=data.draw(st.integers(0, 3)))
    for number in np.unique(folds.fold):
        assert set(target[folds.fold != number].tolist()) == {0, 1}
    for label, word in ((0, "real"), (1, "fake")):
        if word not in folds.by_video:
            for source in set(sources):
                chosen = [f for f, s, y in zip(folds.fold, sources, target, strict=True) if s == source and y == label]
                assert len(set(chosen)) <= 1


def test_grouped_auroc__draws_groups_so_one_group_of_copies_widens_the_interval() -> None:
    rng = np.random.default_rng(0)
    target = np.arange(60) % 2
    scores = target + rng.normal(0, 1, 60)
    _, alone = grouped_auroc(scores, target, np.arange(60))
    copies = [np.repeat(a, 5) for a in (scores, target, np.arange(60))]
    _, copied = grouped_auroc(copies[0], copies[1], copies[2])
    assert copied == pytest.approx(alone, abs=0.03)
