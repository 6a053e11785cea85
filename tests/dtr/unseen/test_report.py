from __future__ import annotations

from dtr.unseen.report import report, summary_lines
from dtr.unseen.table import GENERATOR_FIGURES, make_table
from tests.dtr.unseen.test_table import FOLDS


def test_summary_lines__have_a_row_per_figure_and_dashes_for_what_is_not_defined() -> None:
    lines = summary_lines(make_table(FOLDS, 3)["summary"])
    assert len(lines) == len(GENERATOR_FIGURES) + 2
    assert {line.count("|") for line in lines} == {10}
    auroc, viou = (next(line for line in lines if line.startswith(f"| {name}")) for name in ("auroc", "viou"))
    assert auroc.startswith("| auroc ↑ | 0.667 ± 0.115 | 0.600 (")
    assert "+0.200 [+0.000, +0.400]" in auroc
    assert viou.count("–") >= 5


def test_report__says_what_was_held_out_and_what_not() -> None:
    counts = {name: {"fake": 2, "real": 1} for name in ("fit", "dev", "calibration", "unseen", "seen")}
    fold = {"fold": "seed0-fold1", "parts": counts, "left_out": 3, "held_out": ["fake/a"], "notes": ["no floors"]}
    table = make_table(FOLDS, 3) | {
        "recipe": {"leave": "generators", "heads": {"binary": ""}, "splits": ["train"], "seeds": [0]},
        "features": {"backbone_id": "toy@1"},
        "annotations_sha256": "0" * 64,
        "min_clips": 3,
        "dtr": "1",
        "folds": [fold | {"ranked_against": {"unseen": "seen", "seen": "seen"}}],
        "categories": {"unseen": {"map": 0.5, "constant": 0.25, "rows": 4}},
    }
    text = report(table)
    assert text.startswith("# Unseen generators\n")
    assert "| small ones (2 sources) | 3 |" in text
    assert "| seed0-fold1 | 2 + 1 |" in text
    assert "seed0-fold1: no floors" in text
    assert "against real clips of seen sources in seed0-fold1" in text
    assert "unseen 0.500 (one score for all: 0.250; 4 tagged traces)" in text
