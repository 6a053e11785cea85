from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dtr.errors import ConfigError
from dtr.unseen.recipe import UnseenRecipe

SHIPPED = sorted((Path(__file__).resolve().parents[3] / "configs" / "unseen").glob("*.yaml"))


def written(folder: Path, **keys: Any) -> str:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"heads": {"binary": "configs/head/binary.yaml"}, **keys}))
    return str(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_load__reads_what_ships(path: Path) -> None:
    recipe = UnseenRecipe.load(f"configs/unseen/{path.name}")
    assert "val" not in recipe.splits
    assert "test" not in recipe.splits


def test_load__given_values_replace_those_of_the_file(tmp_path: Path) -> None:
    recipe = UnseenRecipe.load(written(tmp_path, folds=3, seeds=[1, 2]), folds="all", leave=None, min_clips=7)
    assert (recipe.folds, recipe.leave, recipe.min_clips, recipe.seeds) == ("all", "both", 7, (1, 2))
    assert recipe.to_json()["seeds"] == [1, 2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("folds", 1),
        ("folds", "five"),
        ("folds", True),
        ("leave", "none"),
        ("seeds", []),
        ("seeds", [0, 0]),
        ("seeds", "01"),
        ("splits", "train"),
        ("min_clips", 0),
        ("seen_fraction", 1.0),
        ("dev_fraction", "much"),
        ("options", [1]),
        ("heads", {"binary": 3}),
    ],
)
def test_load__a_value_that_does_not_fit_is_named(key: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"expected {key}"):
        UnseenRecipe.load(written(tmp_path, **{key: value}))


def test_load__options_that_the_folds_decide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.train_split"):
        UnseenRecipe.load(written(tmp_path, options={"data.train_split": "val"}))
    with pytest.raises(ConfigError, match="leave clips to train on"):
        UnseenRecipe.load(written(tmp_path, dev_fraction=0.6, calibration_fraction=0.5))
    with pytest.raises(ConfigError, match="fold"):
        UnseenRecipe.load(written(tmp_path, fold=3))
