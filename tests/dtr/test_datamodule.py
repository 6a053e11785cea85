"""Parts, filters, balance and memory of the datamodule, on cached toy features."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.batch import collate
from dtr.cache import FeatureCache
from dtr.data.parts import write_parts
from dtr.datamodule import ClipDataset, FeatureDataModule, FeatureStore, WindowDataset, balanced_weights
from dtr.errors import AnnotationError, CacheError, ConfigError
from tests.training import write_training_data

CLIP_BYTES = 24 * 16 * 16 * 2  # steps × tokens × width × float16
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_training_data(tmp_path_factory.mktemp("training"))


def module_of(files: Files, **options: Any) -> FeatureDataModule:
    module = FeatureDataModule(str(files[0]), str(files[1]), **options)
    module.setup("fit")
    return module


def changed(files: Files, folder: Path, change: Any) -> Files:
    """The same data set with every row passed through `change` (None = dropped)."""
    rows = [change(dict(row)) for row in json.loads(files[0].read_text())]
    path = folder / "all_data.json"
    path.write_text(json.dumps([row for row in rows if row is not None]))
    return path, files[1]


def test_setup__no_source_is_in_two_parts_and_every_label_in_each(files: Files) -> None:
    parts = module_of(files).parts
    sources = {name: {(v.label, v.source) for v in videos} for name, videos in parts.items()}
    assert sum(map(len, sources.values())) == len(set.union(*sources.values())) == 16
    assert all({v.label for v in videos} == {"real", "fake"} for videos in parts.values())
    assert {v.split for name in ("fit", "dev", "calibration") for v in parts[name]} == {"train"}
    assert {v.split for v in parts["test"]} == {"test"}
    assert len(parts["fit"]) > len(parts["dev"]) + len(parts["calibration"])


def test_setup__the_cut_follows_the_seed(files: Files) -> None:
    first, again, other = (module_of(files, seed=s).parts for s in (0, 0, 1))
    assert first == again
    assert first["calibration"] != other["calibration"]


def test_setup__a_dev_split_of_its_own(files: Files) -> None:
    parts = module_of(files, dev_split="test").parts
    assert {v.video_id for v in parts["dev"]} == {v.video_id for v in parts["test"]}
    assert not {v.source for v in parts["fit"]} & {v.source for v in parts["calibration"]}


def test_setup__a_file_names_the_parts_whatever_the_splits(files: Files, tmp_path: Path) -> None:
    every = [v for part in module_of(files).parts.values() for v in part]
    ids = [v.video_id for v in every]
    write_parts(tmp_path / "parts.json", {"fit": ids[40:], "dev": ids[:2], "test": ids[2:5]})
    module = module_of(files, parts_file=str(tmp_path / "parts.json"))
    assert [v.video_id for v in module.parts["fit"]] == ids[40:]
    assert [v.video_id for v in module.parts["test"]] == ids[2:5]
    with pytest.raises(ConfigError, match=r"part 'calibration' \(of .*parts\.json\)"):
        module.part("calibration")


def test_cut__by_video_shares_sources_and_keeps_a_dev_split(files: Files) -> None:
    parts = module_of(files, cut="video", dev_split="test").parts
    assert {v.source for v in parts["calibration"]} <= {v.source for v in parts["fit"]}
    assert {v.label for v in parts["calibration"]} == {"real", "fake"}
    assert parts["dev"] == parts["test"]


def test_cut__one_source_of_camera_clips_is_cut_by_video_and_said(
    files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def as_released(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"video_source": "camera"} if row["video_type"] == "real_video" else row

    parts = module_of(changed(files, tmp_path, as_released)).parts
    assert "videos labelled real have fewer sources" in caplog.text
    for name in ("fit", "dev", "calibration"):
        assert {v.source for v in parts[name] if v.label == "real"} == {"camera"}
    assert not {v.source for v in parts["fit"] if v.label == "fake"} & {v.source for v in parts["calibration"]}


def test_needs__leaves_out_what_says_nothing_of_it(files: Files, tmp_path: Path) -> None:
    def strip(row: dict[str, Any]) -> dict[str, Any]:
        number = row["video_id"][-1]
        if row["video_type"] == "fake_video" and number == "0":  # nobody looked
            row = {k: v for k, v in row.items() if not k.startswith("faketrace")}
        if row["video_type"] == "fake_video" and number == "1":  # a trace without tags
            row |= {"faketrace_check_applies": ""}
        return row

    data = changed(files, tmp_path, strip)
    every = [v for part in module_of(data).parts.values() for v in part]
    looked_at = [v for part in module_of(data, needs="traces").parts.values() for v in part]
    tagged = [v for part in module_of(data, needs="tags").parts.values() for v in part]
    assert Counter(v.label for v in every) == {"fake": 24, "real": 24}
    assert Counter(v.label for v in looked_at) == {"fake": 16, "real": 24}
    assert Counter(v.label for v in tagged) == {"fake": 8}


def test_setup__unknown_labels_take_no_part_and_empty_parts_are_named(files: Files, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="split 'train', found none for fit and dev"):
        module_of(changed(files, tmp_path, lambda row: row | {"split": "test"}))
    module = module_of(files, test_split="val")
    with pytest.raises(ConfigError, match=r"part 'test' \(of split 'val'\)"):
        module.test_dataloader()


@pytest.mark.parametrize(
    "defect",
    [
        {"faketrace_duration": -1.0},
        {"faketrace_first_frame": "soon"},
        {"faketrace_bbox": {"left": float("nan"), "top": 0, "width": 9, "height": 9}},
        {"split": "validation"},
    ],
)
def test_setup__a_defect_of_a_row_is_an_error_with_its_place(
    files: Files, tmp_path: Path, defect: dict[str, Any]
) -> None:
    def spoil(row: dict[str, Any]) -> dict[str, Any]:
        return row | defect if row["video_id"] == "fake0-0" else row

    with pytest.raises(AnnotationError, match=r"^all_data\.json:1\b") as error:
        module_of(changed(files, tmp_path, spoil))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"windows_per_clip": 0}, {"inside": 1.5}])
def test_init__impossible_numbers_are_refused(files: Files, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="data: expected"):
        FeatureDataModule(str(files[0]), str(files[1]), **wrong)


def test_missing_features__are_an_error_or_left_out_and_named(
    files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = [json.loads(line) for line in (files[1] / "index.jsonl").read_text().splitlines()]
    gone = [e for e in index if not (e["video_id"] == "fake0-0" and e["variant"] == "plain")]
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("recipe.json", "clips"):
        (cache / name).symlink_to(files[1] / name)
    (cache / "index.jsonl").write_text("".join(json.dumps(e) + "\n" for e in gone))
    with pytest.raises(CacheError, match=r"1 are missing \(first: fake0-0\)"):
        module_of((files[0], cache))
    with caplog.at_level(logging.WARNING):
        parts = module_of((files[0], cache), on_missing="report").parts
    assert "fake0-0" in caplog.text
    assert "fake0-0" not in {v.video_id for part in parts.values() for v in part}


def test_balanced_weights__both_labels_equally_and_large_sources_by_their_root() -> None:
    def videos(label: Any, source: str, count: int) -> list[VideoAnnotation]:
        return [VideoAnnotation(f"{source}{i}", Path("v.mp4"), label, source=source) for i in range(count)]

    clips = videos("fake", "big", 16) + videos("fake", "small", 4) + videos("real", "big", 2)
    weights = np.array(balanced_weights(clips))
    assert weights[:20].sum() == pytest.approx(weights[20:].sum())
    assert weights[:16].sum() / weights[16:20].sum() == pytest.approx(np.sqrt(16 / 4))
    assert weights.sum() == pytest.approx(1.0)


def test_train_dataloader__draws_balanced_windows_of_the_fit_part_only(files: Files) -> None:
    module = module_of(files, batch_size=8, windows_per_clip=2)
    torch.manual_seed(0)
    batches = list(module.train_dataloader())
    fit = {v.video_id for v in module.parts["fit"]}
    assert sum(len(b.video_ids) for b in batches) == len(fit)
    assert {i for b in batches for i in b.video_ids} <= fit
    assert all(b.features.tokens.shape[0] == 2 * len(b.video_ids) <= 8 for b in batches)
    labels = torch.cat([b.targets.label for b in batches])
    assert 0.2 < float(labels.mean()) < 0.8


def test_val_dataloader__gives_every_window_of_every_clip_in_order(files: Files) -> None:
    module = module_of(files)
    batches = list(module.val_dataloader())
    assert [i for b in batches for i in b.video_ids] == [v.video_id for v in module.parts["dev"]]
    first = batches[0]
    rows = first.window_steps[first.clip_index == 0]
    np.testing.assert_array_equal(rows.numpy(), module.clock.window_steps(24))


def test_store__keeps_clips_until_memory_is_full(files: Files) -> None:
    cache = FeatureCache.open(files[1])
    store = FeatureStore(cache, memory_gb=2.5 * CLIP_BYTES / 1e9)
    names = ["fake0-0", "fake0-1", "fake0-2"]
    first = [store.read(name, "plain") for name in names]
    again = [store.read(name, "plain") for name in names]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(first[2].tokens, again[2].tokens)
    assert FeatureStore(cache, memory_gb=0).read("fake0-0", "plain") is not first[0]


def test_store__a_variant_that_is_not_cached_is_an_error(files: Files) -> None:
    store = FeatureStore(FeatureCache.open(files[1]), 1.0)
    assert store.variants("fake0-0") == ["aug1", "canonical", "plain"]
    with pytest.raises(CacheError, match=r"'aug7' features of video fake0-0, found \['aug1'"):
        ClipDataset([(VideoAnnotation("fake0-0", Path("v.mp4"), "fake"), "aug7")], store)[0]


def test_window_dataset__trains_on_augmented_views_but_never_on_canonical_ones(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = FeatureStore.read

    def noted(store: FeatureStore, video_id: str, variant: str) -> Any:
        asked.append(variant)
        return read(store, video_id, variant)

    monkeypatch.setattr(FeatureStore, "read", noted)
    torch.manual_seed(0)
    for augment, expected in ((True, {"plain", "aug1"}), (False, {"plain"})):
        loader = module_of(files, augment=augment).train_dataloader()
        asked.clear()
        list(loader)
        assert set(asked) == expected


def test_window_dataset__prefers_windows_that_hold_a_trace(files: Files) -> None:
    module = module_of(files)
    early = TraceAnnotation(span_s=(0.0, 0.5))  # in the first of two windows
    video = replace(module.parts["fit"][0], traces=(early,))
    torch.manual_seed(0)

    def share_of_first(inside: float) -> float:
        dataset = WindowDataset([(video, ("plain",))], module.store, 40, inside)
        (sample,) = dataset[0]
        return float((sample.window_steps[:, 0] <= 2).mean())  # those of nine windows that see the trace

    assert share_of_first(1.0) == 1.0
    assert 0.1 < share_of_first(0.0) < 0.6


def test_window_dataset__a_made_variant_comes_with_its_twin(planted_files: Files) -> None:
    module = module_of(planted_files, synth=1.0, needs="traces")
    (clip, names) = module._training_clips()[0][0]
    assert names == ("synth1",)
    traced, twin = WindowDataset([(clip, names)], module.store, 3, 1.0)[0]
    assert (traced.is_twin, twin.is_twin) == (False, True)
    np.testing.assert_array_equal(traced.window_steps, twin.window_steps)
    batch = collate([traced, twin, traced])
    assert batch.targets.twin.tolist() == [3, 4, 5, -1, -1, -1, -1, -1, -1]
    assert batch.targets.trace_mask[:3].any(dim=1).all()
    assert not batch.targets.categories[3:6, :, 5].any()  # only planted ones are splits


@pytest.fixture(scope="module")
def planted_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_training_data(tmp_path_factory.mktemp("planted"), planted=True)


def batches(module: FeatureDataModule) -> list[Any]:
    torch.manual_seed(0)
    return list(module.train_dataloader())


@pytest.mark.parametrize(("synth", "low", "high"), [(0.0, 0.0, 0.0), (0.5, 0.2, 0.8), (1.0, 1.0, 1.0)])
def test_train__a_share_of_the_samples_has_planted_traces(
    planted_files: Files, synth: float, low: float, high: float
) -> None:
    found = batches(module_of(planted_files, synth=synth, needs="traces"))
    is_twin = [torch.isin(torch.arange(len(b.targets.twin)), b.targets.twin) for b in found]
    planted = torch.cat([b.targets.categories[~t, :, 5].amax(dim=1) for b, t in zip(found, is_twin, strict=True)])
    assert low <= float(planted.mean()) <= high
    assert all(b.targets.trace_mask.any() for b in found if synth == 1.0)


def test_train__planted_traces_do_not_change_a_label(planted_files: Files) -> None:
    for batch in batches(module_of(planted_files, synth=1.0, needs="traces")):
        real = torch.tensor([v.startswith("real") for v in batch.video_ids])
        label = torch.stack([batch.targets.label[batch.clip_index == i][0] for i in range(len(batch.video_ids))])
        assert torch.equal(label, 1 - real.float())


def test_dev_synth__validates_on_planted_traces_only(planted_files: Files) -> None:
    module = module_of(planted_files, synth=1.0, dev_synth=True, needs="traces")
    for batch in module.val_dataloader():
        assert batch.targets.categories[..., 5].amax(dim=1).all()


def test_synth__features_without_planted_traces_are_refused(files: Files) -> None:
    with pytest.raises(ConfigError, match="--synth-per-clip"):
        module_of(files, synth=0.5, needs="traces")
    with pytest.raises(ConfigError, match="share 1 at most"):
        module_of(files, synth=1.5)


def test_window__other_windows_than_the_features_were_made_for(files: Files) -> None:
    module = module_of(files, window=8)
    assert (module.clock.window, module.clock.hop) == (8, 4)
    assert batches(module)[0].features.tokens.shape[1] == 8
    assert module_of(files).clock.window == 16
    with pytest.raises(ConfigError, match="clock needs"):
        module_of(files, window=0)


def test_tokens__the_others_are_masked(files: Files) -> None:
    some = batches(module_of(files, tokens=(4, 9)))[0].features.token_mask
    assert some[..., 4:9].any()
    assert not some[..., :4].any()
    assert not some[..., 9:].any()
    for tokens in ((3, 3), (0, 17), (-1, 4)):
        with pytest.raises(ConfigError, match=r"data\.tokens: expected"):
            module_of(files, tokens=tokens)
