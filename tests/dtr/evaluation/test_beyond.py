"""Figures beside their floors: what the tables of an evaluation hold."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.evaluation.beyond import candidate_compared, category_compared
from dtr.evaluation.candidates import CANDIDATE_FIGURES
from dtr.evaluation.category import CATEGORY_FIGURES
from dtr.evaluation.figures import draw_weights
from dtr.floors import fit_floors
from tests.evaluation_figures import candidate_figures, category_figures
from tests.random_items import some_items

ITEMS = some_items(11, 60)
TRAIN = [item.video for item in some_items(12, 60)]
WEIGHTS = draw_weights(60, n=100)


def test_category_compared__has_the_figures_and_the_best_constant() -> None:
    found = category_compared(ITEMS, TRAIN, WEIGHTS)
    for policy, table in found.items():
        assert {n: c.model for n, c in table.items()} == category_figures(ITEMS, WEIGHTS, policy)
        assert set(table) == set(CATEGORY_FIGURES)
        for compared in table.values():
            assert compared.floor == max(compared.floors.values())
            assert compared.gain is not None
            assert compared.gain.value == pytest.approx((compared.model.value or 0) - (compared.floor or 0))
    assert found["oracle"]["category_macro_f1"].best == "all"
    without = category_compared(ITEMS, None, WEIGHTS)
    assert without["own"]["category_map"].gain is None


def test_candidate_compared__has_the_figures_and_the_best_constant() -> None:
    found = candidate_compared(ITEMS, fit_floors(TRAIN), WEIGHTS)
    for policy, table in found.items():
        assert {n: c.model for n, c in table.items()} == candidate_figures(ITEMS, WEIGHTS, policy)
        assert set(table) == {*CANDIDATE_FIGURES, "trace_ece"}
        assert table["map_iou_0.3"].floor == max(table["map_iou_0.3"].floors.values())
        assert table["trace_ece"].best is None
    # Candidates near the traces must beat every constant here, in place and in time, and the interval say so.
    gain = found["oracle"]["map_both_0.5"].gain
    assert gain is not None
    assert gain.interval is not None
    assert gain.interval[0] > 0
    assert np.isfinite(gain.interval).all()
