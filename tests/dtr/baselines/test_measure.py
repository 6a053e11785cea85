from __future__ import annotations

import json
from pathlib import Path

import pytest

from dtr.baselines.measure import BaselineOptions, BaselineTable, measure_baselines
from dtr.data.dataset import read_dataset
from dtr.data.release import ReleaseData
from dtr.errors import CacheError, ConfigError
from dtr.metrics.ranking import auroc
from tests.baseline_data import write_cache, write_data

QUICK = BaselineOptions(only=("d3", "probe_means"), resamples=20)


@pytest.fixture
def data(tmp_path: Path) -> ReleaseData:
    write_data(tmp_path)
    return read_dataset(tmp_path)


def ids(data: ReleaseData, *splits: str) -> list[tuple[str, str, str]]:
    return [(v.video_id, str(v.split), str(v.label)) for v in data.videos if v.split in splits]


def one(table: BaselineTable, name: str, variant: str = "plain"):
    return next(r for r in table.rows if (r.name, r.variant) == (name, variant))


def test_measure__scores_every_variant_beside_the_floors_and_counts_what_has_no_score(
    data: ReleaseData, tmp_path: Path
) -> None:
    cache = write_cache(tmp_path / "c", ids(data, "train", "val"), short="val3")
    write_cache(tmp_path / "c", ids(data, "val")[:6], ("canonical",), short="val3")
    table = measure_baselines(data, type(cache).open(tmp_path / "c"), "val", options=QUICK)
    assert {r.variant for r in table.rows} == {"plain", "canonical"}
    assert [one(table, n).num_unscored for n in ("d3", "probe_means", "always_fake")] == [1, 0, 0]
    assert one(table, "probe_means", "canonical").num_unscored == 6
    assert any("canonical: 6 of 12 videos have no cached features" in note for note in table.notes)
    figures = one(table, "d3").figures
    assert (figures["auroc"].model.value, figures["auroc"].model.n) == (1.0, 11)
    assert figures["accuracy"].model.n == 12
    assert one(table, "d3").figures["auroc"].best is not None
    assert one(table, "metadata_only").figures["auroc"].best is None
    json.dumps(table.to_json(), allow_nan=False)


def test_measure__figures_are_those_of_the_predictions(data: ReleaseData, tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "c", ids(data, "train", "val"))
    row = one(measure_baselines(data, cache, "val", options=QUICK), "probe_means")
    truth = {v.video_id: v.label == "fake" for v in data.in_split("val")}
    said = row.predictions()
    area = auroc([p["fake_probability"] for p in said], [truth[p["video_id"]] for p in said])
    assert row.figures["auroc"].model.value == pytest.approx(area)


def test_measure__the_scored_labels_change_no_answer(data: ReleaseData, tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "c", ids(data, "train", "val"))
    other = tmp_path / "other"
    other.mkdir()
    rows = json.loads((tmp_path / "all_data.json").read_text())
    swapped = {"fake_video": "real_video", "real_video": "fake_video"}
    for row in rows:
        row["video_type"] = swapped[row["video_type"]] if row["split"] == "val" else row["video_type"]
    (other / "all_data.json").write_text(json.dumps(rows))
    tables = [measure_baselines(d, cache, "val", options=QUICK) for d in (data, read_dataset(other))]
    for name in QUICK.only:
        assert one(tables[0], name).predictions() == one(tables[1], name).predictions(), name


def test_measure__several_variants_to_fit_on(data: ReleaseData, tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "c", ids(data, "train", "val"))
    write_cache(tmp_path / "c", ids(data, "train")[:15], ("aug1",))
    options = BaselineOptions(fit_on=("plain", "aug1"), only=("probe_means",), resamples=5)
    table = measure_baselines(data, type(cache).open(tmp_path / "c"), "val", options=options)
    assert table.provenance["fitted_clips"] == 35
    assert "5 of 40 training clips have no cached features and are left out" in table.notes


@pytest.mark.parametrize(
    ("split", "fit_on", "kind", "message"),
    [
        ("train", "plain", ConfigError, "fitted on train"),
        ("test", "plain", ConfigError, "found splits train, val"),
        ("val", "aug7", CacheError, r"split train \(aug7\), found none"),
    ],
)
def test_measure__what_cannot_be_measured_is_one_error(
    data: ReleaseData, tmp_path: Path, split: str, fit_on: str, kind: type[Exception], message: str
) -> None:
    cache = write_cache(tmp_path / "c", ids(data, "train", "val"))
    with pytest.raises(kind, match=message):
        measure_baselines(data, cache, split, options=BaselineOptions(fit_on=(fit_on,), resamples=5))


def test_measure__a_split_without_features_is_an_error(data: ReleaseData, tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "c", ids(data, "train"))
    with pytest.raises(CacheError, match="features of the split val, found none"):
        measure_baselines(data, cache, "val", options=QUICK)
