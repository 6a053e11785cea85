"""From files to figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dtr.errors import AnnotationError, ConfigError
from dtr.evaluation.evaluate import EvaluationOptions
from dtr.evaluation.files import evaluate_files

FEW = EvaluationOptions(resamples=10)
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "predictions"
PUBLISHED_PER_VIDEO = {
    "trufor-track-b-test": (47.590, 1.205, 93.976),
    "videollama3-2b-v2-test": (47.892, 10.542, 85.241),
}


def row(video_id: str, split: str, label: str = "fake_video", **more: Any) -> dict[str, Any]:
    common = {"video_id": video_id, "video_path": f"videos/{video_id}.mp4", "video_type": label, "split": split}
    sizes = {"video_width": 100, "video_height": 50, "video_frame_rate": "10", "video_duration": 4.0}
    return common | sizes | more


def traced(video_id: str, split: str) -> dict[str, Any]:
    box = {"left": 0, "top": 0, "width": 50, "height": "50"}
    return row(video_id, split, faketrace_bbox=box, faketrace_first_frame=10, faketrace_duration="1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = [traced("f1", "test"), traced("f1", "test"), traced("f2", "test"), traced("t1", "train")]
    rows += [row("r1", "test", "real_video"), row("t2", "train", "real_video")]
    (tmp_path / "all_data.json").write_text(json.dumps(rows))
    return tmp_path


def write(root: Path, *rows: dict[str, Any]) -> Path:
    file = root / "predictions.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return file


FOUND = {
    "video_id": "f1",
    "predicted_label": "FAKE",
    "fake_probability": 0.9,
    "bbox": [0, 0, 50, 50],
    "start_time": 1.0,
    "end_time": 2.0,
}


def test_evaluate_files__scores_the_split_of_the_predictions(root: Path) -> None:
    file = write(root, FOUND, {"video_id": "r1", "predicted_label": "REAL", "fake_probability": 0.2})
    found = evaluate_files(file, root, options=FEW).to_json()
    assert found["provenance"]["split"] == ["test"]
    assert found["provenance"]["media"] == "not there"
    assert found["paper"]["accuracy"] == pytest.approx(75.0)
    assert found["per_video"]["accuracy"] == pytest.approx(100 * 2 / 3)
    assert found["paper"]["bbox_iou"] == pytest.approx(100 * 2 / 3)
    assert found["coverage"]["answers"]["missing_ids"] == ["f2"]


def test_evaluate_files__ids_in_an_error_can_be_printed(root: Path) -> None:
    with pytest.raises(AnnotationError, match="first ids: \ufffd") as error:
        evaluate_files(write(root, FOUND | {"video_id": "\ud800"}), root, options=FEW)
    assert str(error.value).encode()


def test_evaluate_files__unknown_and_other_predictions_are_counted(root: Path) -> None:
    file = write(root, FOUND, FOUND | {"video_id": "nobody"}, FOUND | {"video_id": "t1", "bbox": "here"})
    found = evaluate_files(file, root, split="test", options=FEW).to_json()
    assert found["coverage"]["unknown_ids"] == {"n": 1, "first": ["nobody"]}
    assert found["coverage"]["other_splits"] == 1
    # A problem of a video that is not scored is not counted among those that are.
    assert found["coverage"]["prediction_problems"]["n"] == 0
    both = evaluate_files(file, root, options=FEW)
    assert both.provenance["split"] == ["test", "train"]
    assert both.coverage["prediction_problems"]["n"] == 1
    assert any("training videos are scored" in note for note in both.notes)


@pytest.mark.parametrize(
    ("split", "ids", "error", "message"),
    [
        ("val", "f1", ConfigError, "found splits test, train"),
        (None, "nobody", AnnotationError, "found none among 1 rows"),
        ("test", "t1", AnnotationError, "of split 'test'"),
    ],
)
def test_evaluate_files__nothing_in_common_is_an_error(
    root: Path, split: str | None, ids: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate_files(write(root, FOUND | {"video_id": ids}), root, split=split, options=FEW)


@pytest.mark.parametrize("there", [True, False])
def test_evaluate_files__media_headers_feed_the_metadata_floor(root: Path, make_video: Any, there: bool) -> None:
    if there:
        (root / "videos").mkdir()
        for video_id in ("f1", "f2", "r1", "t1", "t2"):
            make_video(f"videos/{video_id}.mp4", num_frames=4)
    found = evaluate_files(write(root, FOUND), root, options=FEW)
    assert ("log_bytes_per_s" in found.provenance["metadata_features"]) == there
    assert any("annotations alone" in note for note in found.notes) != there
    assert found.provenance["media"] == ("original" if there else "not there")


def test_evaluate_files__the_hash_is_of_what_annotations_say(root: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "all_data.json").write_text((root / "all_data.json").read_text())
    file = write(root, FOUND)
    first, second = (evaluate_files(file, r, options=FEW).provenance["annotations"] for r in (root, elsewhere))
    assert first["sha256"] == second["sha256"]
    (elsewhere / "all_data.json").write_text((root / "all_data.json").read_text().replace('"left": 0', '"left": 1'))
    assert evaluate_files(file, elsewhere, options=FEW).provenance["annotations"]["sha256"] != first["sha256"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no public predictions here")
@pytest.mark.parametrize("name", PUBLISHED_PER_VIDEO)
def test_evaluate_files__reproduce_the_published_accuracies_per_video(tmp_path: Path, name: str) -> None:
    file = SHARED / f"{name}.jsonl"
    ids = [json.loads(line)["video_id"] for line in file.read_text().splitlines()]
    labels = {i: "real_video" if i.startswith("0_30_s") else "fake_video" for i in ids}
    (tmp_path / "all_data.json").write_text(json.dumps([row(i, "test", label) for i, label in labels.items()]))
    found = evaluate_files(file, tmp_path, options=FEW).to_json()["per_video"]
    shown = tuple(round(found[key], 3) for key in ("accuracy", "fake_accuracy", "real_accuracy"))
    assert shown == PUBLISHED_PER_VIDEO[name]
