"""Mechanisms that leave a blur or a seam are named, others are not."""

from __future__ import annotations

import numpy as np
import pytest

from dtr.traces.probe_features import INSIDE_COLUMNS, PATCH_COLUMNS
from dtr.traces.probe_null import NullEdit
from dtr.traces.probe_pairs import TraceFigures
from dtr.traces.probe_report import _of_table, report_of
from dtr.traces.probe_text import text_table
from dtr.traces.probe_texture import mechanism_textures, texture_change


def figures(number: int, sharpness: float = 0.0, seam: float = 0.0, name: str = "melt") -> TraceFigures:
    """A trace whose sharpness and seam change by so much, give or take."""
    rng = np.random.default_rng(number)
    inside, border = rng.normal(0, 1, len(INSIDE_COLUMNS)), rng.normal(0, 1, len(PATCH_COLUMNS))
    tables = [np.stack([values, values + rng.normal(0, 0.01, len(values))]) for values in (border, border, inside)]
    tables[2][1, INSIDE_COLUMNS.index("inside_fine/middle")] += sharpness
    tables[0][1, PATCH_COLUMNS.index("seam_diagonal")] += seam
    return TraceFigures(f"base{number}", name, "Object Distortion", 0.5, 0.1, *tables)


def test_mechanism_textures__flag_a_blur_and_a_seam() -> None:
    traces = [figures(i, -0.3, 0.3) for i in range(6)] + [figures(i, name="ripple") for i in range(6)]
    melt, ripple = mechanism_textures(traces, [])
    assert (melt.mechanism, melt.flags) == ("melt", ("blur", "seam"))
    assert (ripple.mechanism, ripple.flags, ripple.faint, ripple.at_rest) == ("ripple", (), None, None)
    assert melt.shown.softer == 1
    assert abs(melt.shown.sharpness + 0.3) < 0.02


def test_mechanism_textures__flag_null_edits_of_their_own() -> None:
    nulls = [NullEdit("melt", 2.0, False, figures(i, -0.2)) for i in range(6)] + [NullEdit("melt", 2.0, True, None)]
    (melt,) = mechanism_textures([figures(i) for i in range(6)], nulls)
    assert melt.flags == ("null blur", "at rest")
    assert melt.null_seen == 1
    assert melt.at_rest == 2.0


def test_mechanism_textures__a_loss_of_detail_may_blur() -> None:
    (found,) = mechanism_textures([figures(i, -0.5, name="defocus") for i in range(6)], [])
    assert found.flags == ()
    assert found.shown.flags == ("blur",)


def test_texture_change__of_few_traces_flags_nothing() -> None:
    assert texture_change([figures(i, -0.5) for i in range(4)]).flags == ()


def test_texture_change__leaves_out_what_was_not_measured() -> None:
    empty = TraceFigures(
        "b",
        "melt",
        "c",
        0.5,
        0.1,
        *(np.full((2, len(c)), np.nan) for c in (PATCH_COLUMNS, PATCH_COLUMNS, INSIDE_COLUMNS)),
    )
    assert texture_change([empty]) == texture_change([])


def test_report_of__without_pairs_says_so_in_words() -> None:
    report = report_of([], [])
    text = text_table(report)
    assert report.over_aim == ()
    assert all(probe.skipped for probe in report.probes)
    assert "too few pairs for statistics: all (0)" in text
    assert "0 pairs of 0 base clips" in text


def test_of_table__looks_at_borders_with_and_without_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces that only move are told by the border, and not by its still picture."""
    monkeypatch.setattr("dtr.traces.probe_statistics.TREES", 15)
    moving = [figures(i) for i in range(14)]
    for trace in moving:
        trace.border[1, PATCH_COLUMNS.index("log_flicker")] += 6
    border, still = (_of_table("border", "all", moving, 0, still=still) for still in (False, True))
    assert (border.auroc or 0) > 0.9
    assert (border.pairs_right or 0) > 0.9
    assert (still.auroc or 0) < 0.75
