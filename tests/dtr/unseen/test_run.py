"""Two folds trained for real on small cached features, stopped half way and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dtr.data.dataset import read_dataset
from dtr.errors import AnnotationError, CacheError, ConfigError
from dtr.predictions.files import read_predictions
from dtr.unseen.recipe import UnseenRecipe
from dtr.unseen.run import evaluate_unseen
from tests.training import write_training_data

OPTIONS = {
    "trainer.max_epochs": 1,
    "trainer.enable_progress_bar": "false",
    "trainer.enable_model_summary": "false",
    "trainer.accelerator": "cpu",
    "model.head.init_args.hidden": 16,
}
HEADS = {"binary": "configs/head/binary.yaml", "box": "configs/head/box.yaml"}
Files = tuple[Path, Path]


class StopError(Exception):
    """What a kill would be."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_training_data(tmp_path_factory.mktemp("training"), per_source=4)


@pytest.fixture(scope="module")
def finished(files: Files, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, list[str]]:
    """Table, folder, and what the second run said; the first was stopped after the first head of the second fold."""
    out = tmp_path_factory.mktemp("unseen") / "run"

    def stop(text: str) -> None:
        if text == "fold 2 of 2: box: training":
            raise StopError

    with pytest.raises(StopError):
        run(files, out, stop)
    said: list[str] = []
    return run(files, out, said.append), out, said


def run(files: Files, out: Path, say: Any = lambda text: None, **options: Any) -> dict[str, Any]:
    recipe = UnseenRecipe(HEADS, folds=2, options=OPTIONS, seen_fraction=0.3, **options)
    return evaluate_unseen(recipe, str(files[0]), str(files[1]), out, say)


def test_run__goes_on_where_it_was_stopped(finished: tuple[dict[str, Any], Path, list[str]]) -> None:
    _, _, said = finished
    assert said[0] == "fold 1 of 2: already measured"
    assert "fold 2 of 2: binary: already trained" in said
    assert "fold 2 of 2: box: going on" in said or "fold 2 of 2: box: training" in said


def test_run__writes_a_table_and_answers_that_are_read_back(
    files: Files, finished: tuple[dict[str, Any], Path, list[str]]
) -> None:
    table, out, _ = finished
    train = [v for v in read_dataset(files[0]).videos if v.split == "train"]
    answers = read_predictions(out / "unseen.jsonl", train)
    assert set(answers.predictions) == {v.video_id for v in train}
    assert not answers.unknown_ids
    assert json.loads((out / "table.json").read_text()) == json.loads(json.dumps(table))
    assert len(table["generators"]) == len(table["real_sources"]) == 7
    assert table["summary"]["box_iou"]["unseen"]["n"] == sum(len(v.traces or ()) for v in train)
    assert table["summary"]["tiou"]["unseen"]["mean"] is None  # no head answers "when"
    assert table["summary"]["auroc"]["gap"]["n"] > 0
    assert "# Unseen generators and real sources" in (out / "table.md").read_text()


def test_run__no_fold_trains_on_what_it_answers(finished: tuple[dict[str, Any], Path, list[str]]) -> None:
    _, out, _ = finished
    for folder in sorted(out.glob("seed0-fold*")):
        parts = json.loads((folder / "parts.json").read_text())
        unseen = [json.loads(line)["video_id"] for line in (folder / "unseen.jsonl").read_text().splitlines()]
        sources = {v.partition("-")[0] for v in unseen}
        assert not sources & {v.partition("-")[0] for name in ("fit", "dev", "calibration") for v in parts[name]}
        config = (folder / "binary" / "config.yaml").read_text()
        assert f"parts_file: {folder / 'parts.json'}" in config


def test_run__another_smallest_group_is_a_new_table_of_the_same_run(
    files: Files, finished: tuple[dict[str, Any], Path, list[str]]
) -> None:
    _, out, _ = finished
    said: list[str] = []
    table = run(files, out, said.append, min_clips=9)
    assert list(table["generators"]) == ["small ones"]
    assert not [s for s in said if s.endswith("training")]


def test_run__a_folder_of_another_plan_is_never_overwritten(
    files: Files, finished: tuple[dict[str, Any], Path, list[str]]
) -> None:
    with pytest.raises(ConfigError, match="choose another --out"):
        run(files, finished[1], seeds=(7,))


def test_run__unfit_data_are_refused_before_training(files: Files, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ConfigError, match="split 'val', found none"):
        run(files, tmp_path / "a", said.append, splits=("train", "val"))
    rows = json.loads(files[0].read_text())
    for row in rows:
        row["video_duration"] = None
        row["video_frame_count"] = None
    blank = tmp_path / "all_data.json"
    blank.write_text(json.dumps(rows))
    with pytest.raises(AnnotationError, match="needs a duration above 0 s"):
        run((blank, files[1]), tmp_path / "b", said.append)
    with pytest.raises(CacheError, match="expected a feature cache"):
        run((files[0], tmp_path), tmp_path / "c", said.append)
    assert said == []
