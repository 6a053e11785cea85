"""Rows of an ablation: what each changes, what they share, and the table over seeds."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest
import yaml

from dtr.ablation import Ablation, Row, run_ablation, summary, table_text
from dtr.datamodule import FeatureDataModule
from dtr.errors import ConfigError
from tests.training import write_training_data

RECIPE = """
name: toy
heads: {binary: configs/head/binary.yaml, box: configs/head/box.yaml}
options: {trainer.max_epochs: 1, model.head.init_args.hidden: 16, trainer.enable_progress_bar: false}
pretrain: {box: {data.synth: 1.0, data.dev_synth: true}}
"""
ROWS = """
recipe: %s
seeds: [0, 1]
rows:
  base: {note: as shipped}
  no synthesis: {pretrain: {box: null}}
"""


@pytest.fixture
def ablation(tmp_path: Path) -> Ablation:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "rows.yaml").write_text(ROWS % (tmp_path / "recipe.yaml"))
    return Ablation.load(str(tmp_path / "rows.yaml"))


def test_recipe_of__a_row_changes_only_what_it_says(ablation: Ablation) -> None:
    base, other = (ablation.recipe_of(row, 1) for row in ablation.rows.values())
    assert base.pretrain == {"box": {"data.synth": 1.0, "data.dev_synth": True}}
    assert other.pretrain == {}
    assert (base.seed, base.heads, base.options) == (other.seed, other.heads, other.options)
    only = ablation.recipe_of(Row(heads=("binary",), options={"trainer.max_epochs": 3}), 0)
    assert (list(only.heads), only.pretrain, only.options["trainer.max_epochs"]) == (["binary"], {}, 3)
    with pytest.raises(ConfigError, match="bix"):
        ablation.recipe_of(Row(heads=("bix",)), 0)


def _head_class(config: str) -> type:
    module, _, name = yaml.safe_load(Path(config).read_text())["model"]["head"]["class_path"].rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", sorted(Path("configs/ablations").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_ablations__change_what_heads_and_data_take(path: Path) -> None:
    ablation = Ablation.load(str(path))
    known = set(inspect.signature(FeatureDataModule).parameters)
    base = ablation.recipe_of(next(iter(ablation.rows.values())), 0)
    for name, row in ablation.rows.items():
        recipe = ablation.recipe_of(row, 0)
        assert recipe.members == 1
        for head, config in recipe.heads.items():
            taken = inspect.signature(_head_class(config))
            own = recipe.options | recipe.head_options[head] | recipe.pretrain.get(head, {})
            assert {k.split(".")[-1] for k in own if k.startswith("model.head.init_args.")} <= set(taken.parameters)
            assert {k.removeprefix("data.") for k in own if k.startswith("data.")} <= known
        same = (recipe.heads, recipe.options, recipe.head_options, recipe.pretrain)
        assert name == "base" or same != (base.heads, base.options, base.head_options, base.pretrain)


@pytest.mark.slow
def test_run_ablation__trains_shared_heads_once_and_compares_by_seed(ablation: Ablation, tmp_path: Path) -> None:
    data, cache = write_training_data(tmp_path, planted=True)
    table = run_ablation(ablation, str(data), cache, tmp_path / "out")
    base, other = table["rows"]["base"]["metrics"], table["rows"]["no synthesis"]["metrics"]
    assert base["video_auroc"]["mean"] == other["video_auroc"]["mean"] > 0.8  # the same head
    assert other["video_auroc"]["apart"] == {"mean": 0.0, "sd": 0.0, "n": 2}
    assert base["box_iou"]["n"] == 2
    assert base["box_iou"]["floor"] is not None
    assert base["box_iou"]["apart"] is None
    names = [path.name.split("-")[0] for path in (tmp_path / "out" / "heads").iterdir() if path.name != "pretrained"]
    assert sorted(names) == ["binary"] * 2 + ["box"] * 4
    assert "| no synthesis |" in (tmp_path / "out" / "table.md").read_text()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("figures.json")}
    run_ablation(ablation, str(data), cache, tmp_path / "out", ["base"])
    assert done == {path: path.stat().st_mtime_ns for path in done}
    with pytest.raises(ConfigError, match="expected rows among base"):
        run_ablation(ablation, str(data), cache, tmp_path / "out", ["bose"])


def test_summary__mean_spread_and_paired_difference(ablation: Ablation, tmp_path: Path) -> None:
    values = {"base": {0: 0.2, 1: 0.4}, "no synthesis": {0: 0.1, 1: 0.2}}
    for name, by_seed in values.items():
        for seed, value in by_seed.items():
            file = tmp_path / name / str(seed) / "figures.json"
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps({"box_iou": {"value": value, "floor": 0.1, "n": 5}}))
    rows = summary(ablation, tmp_path)["rows"]
    assert rows["base"]["metrics"]["box_iou"]["mean"] == pytest.approx(0.3)
    assert rows["base"]["metrics"]["box_iou"]["sd"] == pytest.approx(0.02**0.5)
    assert rows["no synthesis"]["metrics"]["box_iou"]["apart"]["mean"] == pytest.approx(-0.15)
    assert "0.300 ± 0.141 (floor 0.100)" in table_text({"rows": rows})


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("rows: {}", "'rows'"),
        ("rows: {a: {}}", "'recipe'"),
        ("{recipe: r.yaml, rows: {a: {sede: 1}}}", "sede"),
        ("{recipe: r.yaml, rows: {a: 3}}", "row 'a'"),
        ("{recipe: r.yaml, rows: {a: {}}, seeds: [1, 1]}", "different"),
    ],
)
def test_load__bad_files_are_refused(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text(text)
    with pytest.raises(ConfigError, match=match):
        Ablation.load(str(tmp_path / "rows.yaml"))
