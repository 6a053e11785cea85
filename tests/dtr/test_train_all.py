"""Training for real, on small cached features: every shipped head configuration, then a whole detector."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dtr.datamodule import FeatureDataModule
from dtr.detector import load_detector
from dtr.errors import CacheError, ConfigError, DetectorError
from dtr.fit import run_lightning, shipped_config
from dtr.mean_head import MeanHead
from dtr.train_all import Recipe, data_module, train_all, train_detector
from tests.training import write_training_data

HEADS = ("binary", "category", "box", "boundary")
QUICK = {"trainer.enable_progress_bar": "false", "trainer.accelerator": "cpu"}


@pytest.fixture(scope="module")
def training_data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_training_data(tmp_path_factory.mktemp("training"))


def fit(head: str, data: tuple[Path, Path], out: Path, *more: str) -> Path:
    args = ["fit", "--config", f"configs/head/{head}.yaml", f"--data.data={data[0]}", f"--data.cache={data[1]}"]
    args += [f"--{k}={v}" for k, v in QUICK.items()]
    logger = {"class_path": "pytorch_lightning.loggers.CSVLogger", "init_args": {"save_dir": str(out), "version": ""}}
    run_lightning([*args, "--trainer.logger", json.dumps(logger), *more])
    return out / "lightning_logs"


@pytest.mark.parametrize("head", HEADS)
def test_configuration__trains_two_steps_and_leaves_a_detector(
    head: str, training_data: tuple[Path, Path], tmp_path: Path
) -> None:
    run = fit(head, training_data, tmp_path, "--trainer.max_steps=2", "--model.head.init_args.hidden=16")
    detector = load_detector(run / "detector")
    assert list(detector.heads) == [head]
    assert detector.info.training["data"]["fit"]["videos"] > 0
    assert "## Data" in detector.card
    with (run / "metrics.csv").open() as file:
        assert any(name.startswith(f"val/{head}/") for name in next(csv.reader(file)))


def test_fit__learns_and_resumes(training_data: tuple[Path, Path], tmp_path: Path) -> None:
    small = "--model.head.init_args.hidden=16"
    run = fit("binary", training_data, tmp_path, small, "--trainer.max_epochs=3")
    detector = load_detector(run / "detector")
    assert detector.info.training["metrics"]["best"] > 0.9
    assert detector.info.calibration["label"]["n"] > 0
    again = fit(
        "binary",
        training_data,
        tmp_path / "b",
        small,
        "--trainer.max_epochs=4",
        f"--ckpt_path={run}/checkpoints/last.ckpt",
    )
    with (again / "metrics.csv").open() as file:
        assert {row["epoch"] for row in csv.DictReader(file)} == {"3"}


def test_fit__the_same_seed_gives_the_same_weights(training_data: tuple[Path, Path], tmp_path: Path) -> None:
    runs = [
        fit("box", training_data, tmp_path / name, "--trainer.max_steps=2", "--model.head.init_args.hidden=16")
        for name in "ab"
    ]
    first, second = (load_detector(run / "detector").heads["box"].state_dict() for run in runs)
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_fit__misspelt_option_is_named() -> None:
    with pytest.raises(ConfigError, match="dropuot"):
        run_lightning(["fit", "--config", "configs/head/box.yaml", "--model.head.init_args.dropuot=0.1"])


def test_fit__missing_features_are_an_error_or_counted(training_data: tuple[Path, Path], tmp_path: Path) -> None:
    rows = json.loads(training_data[0].read_text())
    extra = tmp_path / "all_data.json"
    extra.write_text(
        json.dumps([*rows, rows[-1] | {"video_id": "new", "video_path": "real_videos/new.mp4", "split": "train"}])
    )
    with pytest.raises(CacheError, match=r"1 (is|are) missing|are missing .*new"):
        fit("binary", (extra, training_data[1]), tmp_path, "--trainer.max_steps=1")


def test_shipped_config__unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml"):
        shipped_config("configs/head/nothing.yaml")


def test_train_all__makes_one_measured_detector_and_resumes(training_data: tuple[Path, Path], tmp_path: Path) -> None:
    options = QUICK | {"trainer.max_epochs": 2, "model.head.init_args.hidden": 16}
    recipe = Recipe({h: f"configs/head/{h}.yaml" for h in HEADS}, name="toy", options=options)
    said: list[str] = []
    data, cache = (str(p) for p in training_data)
    # The toy features have no backbone that could be stored, so the merge stops at building it.
    with pytest.raises(Exception, match="toy@000000000000"):
        train_all(recipe, data, cache, tmp_path / "run", said.append)
    assert [s for s in said if s.endswith("training")] == [f"{h}: training" for h in HEADS]
    said.clear()
    with pytest.raises(Exception, match="toy@000000000000"):
        train_all(recipe, data, cache, tmp_path / "run", said.append)
    assert [s for s in said if s.endswith("already trained")] == [f"{h}: already trained" for h in HEADS]
    module = data_module(recipe, data, cache)
    info = train_detector(recipe, module, tmp_path / "run").info
    labels = [v.label for v in module.parts["calibration"]]
    assert {name: len(values) for name, values in info.operating.items()} == {
        "real_logits": labels.count("real"),
        "fake_logits": labels.count("fake"),
    }
    assert info.training["calibration"]["scores"]["label"]["n"] == len(module.parts["dev"])


def test_train_all__data_that_cannot_be_measured_is_refused_before_training(
    training_data: tuple[Path, Path], tmp_path: Path
) -> None:
    said: list[str] = []
    recipe = Recipe({"binary": "configs/head/binary.yaml"}, test_split="val")
    with pytest.raises(ConfigError, match=r"part 'test' \(of split 'val'\)"):
        train_all(recipe, *map(str, training_data), tmp_path / "run", said.append)
    assert said == []


def test_train_all__calibrates_on_the_cut_that_the_heads_were_trained_with(training_data: tuple[Path, Path]) -> None:
    options = {"data.calibration_fraction": 0.4, "data.needs": "traces", "trainer.max_epochs": 1}
    data, cache = map(str, training_data)
    ours = data_module(Recipe({"box": "x"}, seed=3, options=options), data, cache)
    heads = FeatureDataModule(data, cache, needs="traces", calibration_fraction=0.4, seed=3)
    heads.setup("fit")
    for part in ("fit", "dev", "calibration"):  # a head's part is what it can use of the same cut
        assert {v.video_id for v in heads.parts[part]} <= {v.video_id for v in ours.parts[part]}
    assert ours.needs == "label"


@pytest.mark.parametrize("text", ["[]", "heads: {}", "heads: {a: b}\nseeed: 1", "heads: [a"])
def test_recipe__bad_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"recipe\.yaml"):
        Recipe.load(str(path))


@pytest.mark.slow
def test_train_all__pretrains_on_planted_traces_and_starts_from_there(tmp_path: Path) -> None:
    data, cache = write_training_data(tmp_path, planted=True)
    options = QUICK | {"trainer.max_epochs": 1, "model.head.init_args.hidden": 16}
    first = {"box": {"data.synth": 1.0, "data.dev_synth": True, "trainer.max_epochs": 2}}
    heads = {name: f"configs/head/{name}.yaml" for name in ("binary", "box")}
    recipe = Recipe(heads, name="toy", options=options, pretrain=first, members=2)
    # So small a rate that the second training leaves the weights almost where the first one put them.
    recipe = replace(recipe, head_options={"box": {"model.learning_rate": 1e-9}})
    recipe.pretrain["box"]["model.learning_rate"] = 1e-3
    module = data_module(recipe, str(data), str(cache))
    said: list[str] = []
    trained = train_detector(recipe, module, tmp_path / "run", said.append).heads["box"]
    assert said[:2] == ["binary: training", "binary-2: training"]
    assert said[2:6] == [f"{name}: training" for name in ("box, pretrained", "box", "box-2, pretrained", "box-2")]
    assert isinstance(trained, MeanHead)
    weights = []
    for member, name in zip(trained.members, ("box", "box-2"), strict=True):
        start = load_detector(tmp_path / "run" / "pretrained" / name / "detector").heads["box"].state_dict()
        end = member.state_dict()
        assert all(torch.allclose(start[k], end[k], atol=1e-5) for k in start)
        weights.append(end["heat.1.weight"])
    assert not torch.equal(*weights)  # each has a seed of its own


def test_recipe__fewer_than_one_member_is_refused() -> None:
    for members in (0, -1, 1.5):
        with pytest.raises(ConfigError, match="members of 1 or more"):
            Recipe({"a": "b"}, members=members)  # type: ignore[arg-type]


def test_recipe__options_of_a_head_it_has_not_are_refused() -> None:
    with pytest.raises(ConfigError, match="bix"):
        Recipe({"box": "configs/head/box.yaml"}, pretrain={"bix": {}})


def test_start_from__a_detector_without_such_a_head_is_refused(
    training_data: tuple[Path, Path], tmp_path: Path
) -> None:
    run = fit("boundary", training_data, tmp_path, "--trainer.max_steps=1", "--model.head.init_args.hidden=16")
    start = f"--model.start_from={run}/detector"
    with pytest.raises(DetectorError, match="one head of class BoxHead, got 0"):
        fit("box", training_data, tmp_path / "b", "--trainer.max_steps=1", start)
    with pytest.raises(DetectorError, match="does not fit"):
        fit("boundary", training_data, tmp_path / "c", "--trainer.max_steps=1", start)  # hidden = 96
    with pytest.raises(DetectorError, match="folder of a detector"):
        fit("box", training_data, tmp_path / "d", "--trainer.max_steps=1", "--model.start_from=nothing")
