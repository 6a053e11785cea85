from __future__ import annotations

from typing import Any

from dtr.calibration import PlattCalibration
from dtr.card import (
    calibration_table,
    calibration_text,
    data_table,
    detector_card,
    head_card,
    metric_table,
    operating_lines,
    recipe_lines,
    worst_lines,
)
from tests.handmade import EchoLabel, info_of

COUNTS = {"videos": 4, "fake": 3, "real": 1}
LABEL = PlattCalibration(1.0, 0.0, 40, 10, 0.25).to_json()


def test_head_card__says_data_metric_floor_and_calibration() -> None:
    training: dict[str, Any] = {
        "data": {"fit": COUNTS, "dev": COUNTS},
        "metrics": {"chosen_by": "val/is/video_auroc", "best": 0.8123},
        "floor": {"video_accuracy": {"name": "train_majority", "value": 0.6}},
        "parameters": 12345,
    }
    card = head_card(info_of({"is": EchoLabel()}, training=training, calibration={"label": LABEL}))
    for words in (
        "# hand@1",
        "| dev | 4 | 3 | 1 |",
        "chosen by `val/is/video_auroc`: 0.812",
        "floor, video_accuracy: 0.600 (train_majority)",
        "Parameters: 12,345.",
        "label on 40 examples (10 positive, prior 0.25)",
        "must not be used for",
    ):
        assert words in card


def test_head_card__of_a_detector_that_says_little() -> None:
    card = head_card(info_of({"is": EchoLabel()}, training={"metrics": {"chosen_by": "x", "best": None}}))
    assert "chosen by `x`: –" in card
    assert "(no data recorded)" in card
    assert "Scores are not calibrated." in card


def test_detector_card__has_a_table_per_variant_and_its_thresholds() -> None:
    row = {"value": 0.7, "interval": [0.6, 0.8], "n": 9}
    training = {
        "about": "Clips of nobody in particular.",
        "data": {"test": COUNTS},
        "test_split": "val",
        "test": {name: {"metrics": {"video_auroc": row}, "notes": [f"- of {name}"]} for name in ("plain", "canonical")},
    }
    card = detector_card(
        info_of({"is": EchoLabel()}, training=training, thresholds={"label": 0.5, "abstain": [0.4, 0.6]})
    )
    assert "Clips of nobody in particular." in card
    assert "Measured on split 'val', files as they are" in card
    assert "Measured on split 'val', both classes through one re-encoding" in card
    assert card.count("| video_auroc | 0.700 | [0.600, 0.800] | – | – | 9 |") == 2
    assert "- of canonical" in card
    assert "Thresholds: label 0.500, abstain 0.40 to 0.60." in card


def test_detector_card__says_which_parts_share_sources() -> None:
    training = {"about": "", "test_split": "test", "test": {}}
    shared = {part: COUNTS | {"shared_sources": n} for part, n in (("fit", 8), ("test", 7))}
    apart = {part: COUNTS | {"shared_sources": 0} for part in ("fit", "test")}
    told, clean = (
        detector_card(info_of({"is": EchoLabel()}, training=training | {"data": d})) for d in (shared, apart)
    )
    assert "that are in another part too: fit 8, test 7." in told
    assert "No source is in two of the parts." in clean
    assert "No source" not in told


def test_metric_table__shows_the_floor_and_the_gain_with_its_interval() -> None:
    full = {
        "value": 0.5,
        "interval": (0.4, 0.6),
        "floor": 0.3,
        "floor_name": "centre",
        "gain": 0.2,
        "gain_interval": (0.1, 0.3),
        "n": 7,
    }
    undefined = {"value": None, "interval": None, "floor": None, "gain": None, "n": 1}
    assert metric_table({"box_iou": full, "video_auroc": undefined})[2:] == [
        "| box_iou | 0.500 | [0.400, 0.600] | 0.300 (centre) | 0.200 [0.100, 0.300] | 7 |",
        "| video_auroc | – | – | – | – | 1 |",
    ]


def test_data_table__nothing_recorded_is_said() -> None:
    assert data_table({}) == ["(no data recorded)"]


def test_calibration_text__names_every_target() -> None:
    info = info_of({"is": EchoLabel()}, calibration={"label": LABEL, "trace": LABEL | {"n": 5}})
    assert "label on 40 examples" in calibration_text(info)
    assert "trace on 5 examples" in calibration_text(info)


def test_detector_card__calibration_on_dev_abstaining_and_operating_points() -> None:
    row = {"n": 77, "n_positive": 48, "ece_before": 0.151, "ece_after": 0.113, "brier_before": 0.2, "brier_after": 0.1}
    band = {"n": 77, "share": 0.0389, "error_answered": 0.162, "error_unsure": None, "aurc": 0.054}
    training = {
        **{"about": "", "data": {}, "test_split": "val", "test": {}},
        "calibration": {"scores": {"label": row}, "abstain": band},
    }
    operating = {"real_logits": [0.0] * 28, "fake_logits": [1.0] * 48}
    card = detector_card(
        info_of({"is": EchoLabel()}, training=training, operating=operating, calibration={"label": LABEL})
    )
    assert "| label | 77 | 48 | 0.151 | 0.113 | 0.200 | 0.100 |" in card
    assert "3.9% of 77 dev clips lie in the abstain band. Wrong labels: 0.162 of the answered, – of those" in card
    assert "28 real and 48 generated calibration clips, so `--fpr` goes down to 0.0358." in card


def test_card__a_detector_of_before_says_nothing_of_operating_points() -> None:
    assert operating_lines(info_of({"is": EchoLabel()})) == []
    assert calibration_table({}) == []


def test_recipe_lines__first_training_and_own_options_of_each_head() -> None:
    recipe = {
        "seed": 3,
        "heads": {"binary": "binary.yaml", "box": "box.yaml"},
        "options": {"trainer.max_epochs": 2},
        "head_options": {"box": {"data.synth": 0.5}},
        "pretrain": {"box": {"data.synth": 1.0}},
    }
    assert recipe_lines(recipe)[2:] == [
        "Seed 3.",
        "",
        "| head | configuration | first trained with | trained with |",
        "|---|---|---|---|",
        "| binary | binary.yaml | – | trainer.max_epochs 2 |",
        "| box | box.yaml | trainer.max_epochs 2, data.synth 1.0 | trainer.max_epochs 2, data.synth 0.5 |",
        "",
    ]
    first_ones = {"seed": 0, "heads": {"box": "a|b.yaml"}, "options": {}}
    assert recipe_lines(first_ones)[-2] == r"| box | a\|b.yaml | – | the configuration as it is |"
    assert recipe_lines({}) == []


def worst(label: str, by: str, *rows: dict[str, Any], others: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"by": by, "label": label, "groups": len(rows), "rows": list(rows), "others": others}


def row(name: str, n: int, called: int, auroc: float | None = None, **more: Any) -> dict[str, Any]:
    known = {"groups": 1, "interval": [0.1, 0.9], "auroc": auroc, "auroc_interval": None}
    return {"name": name, "n": n, "called_fake": called} | known | more


def test_worst_lines__a_row_per_group_and_one_for_the_others() -> None:
    rows = row("slow|one", 4, 1, 0.25), row("b", 12, 6, 0.5, auroc_interval=[0.4, 0.6])
    lines = worst_lines([worst("fake", "generator", *rows, others=row("", 9, 9, 1.0, groups=3))])
    assert lines[2:7] == [
        "| generator | generated clips | called fake | share | 95 % interval | AUROC against all real clips |",
        "|---|---|---|---|---|---|",
        r"| slow\|one | 4 | 1 | 0.250 | [0.100, 0.900] | 0.250 |",
        "| b | 12 | 6 | 0.500 | [0.100, 0.900] | 0.500 [0.400, 0.600] |",
        "| 3 others | 9 | 9 | 1.000 | [0.100, 0.900] | 1.000 |",
    ]


def test_worst_lines__stylised_real_content_is_told_or_said_to_be_unknown() -> None:
    unknown = "False alarms on stylised real content are not known"
    told = worst_lines([worst("real", "style", row("stylised", 3, 2))])
    assert "| stylised | 3 | 2 | 0.667 | [0.100, 0.900] |" in told
    assert not any(unknown in line for line in told)
    generated = worst_lines([worst("fake", "style", row("stylised", 3, 2)), worst("real", "source", row("a", 2, 0))])
    assert any(unknown in line for line in generated)


def test_detector_card__has_recipe_and_worst_cases_where_they_are_known() -> None:
    table = {"metrics": {}, "notes": [], "worst": [worst("real", "source", row("phone", 5, 2))]}
    training = {"about": "", "data": {}, "test_split": "val", "test": {"plain": table}}
    training["recipe"] = {"seed": 0, "heads": {"box": "box.yaml"}, "options": {}}
    card = detector_card(info_of({"is": EchoLabel()}, training=training))
    assert "## Recipe" in card
    assert "## Worst cases, split 'val', files as they are" in card
    assert "| source | real clips | called fake (false alarms) | share | 95 % interval |" in card
    assert "| phone | 5 | 2 | 0.400 | [0.100, 0.900] |" in card


def test_recipe_lines__tell_of_members_and_not_of_progress_bars() -> None:
    recipe = {
        "heads": {"box": "b.yaml"},
        "seed": 3,
        "options": {"trainer.enable_progress_bar": False, "data.synth": 0.5},
    }
    assert recipe_lines(recipe)[2] == "Seed 3."
    assert recipe_lines(recipe)[-2] == "| box | b.yaml | – | data.synth 0.5 |"
    assert "the mean of 3" in recipe_lines(recipe | {"members": 3})[2]
