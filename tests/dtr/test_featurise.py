from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.backbones.image import ImageBackbone
from dtr.cache import FeatureCache
from dtr.errors import CacheError, ConfigError
from dtr.feature_plan import FeaturiseOptions
from dtr.featurise import Estimate, FeaturiseReport, featurise
from dtr.sampling import load_steps
from dtr.views import ViewSpec


@pytest.fixture(scope="module")
def backbone() -> ImageBackbone:
    return ImageBackbone(views=[ViewSpec(size=32)])


@pytest.fixture
def videos(make_video: Callable[..., Path]) -> list[VideoAnnotation]:
    paths = [make_video(f"clip{i}.mp4", num_frames=12 + 6 * i, fps=12.0) for i in range(3)]
    return [VideoAnnotation(p.stem, p, "real", duration_s=1 + 0.5 * i) for i, p in enumerate(paths)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that a reader of the cache uses."""
    files = [folder / "index.jsonl", folder / "recipe.json", *(folder / "clips").iterdir()]
    return {f.name: f.read_bytes() for f in files}


def test_featurise__stores_what_the_backbone_gives(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path
) -> None:
    told: list[Estimate] = []
    progress: list[tuple[int, int]] = []
    report = featurise(
        videos,
        backbone,
        tmp_path / "cache",
        on_start=told.append,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert (report.made, report.ready, report.failures, report.steps) == (3, 0, [], 6 + 9 + 12)
    assert progress == [(1, 3), (2, 3), (3, 3)]
    assert report.wall_s > report.backbone_s > 0
    assert report.decode_s > 0
    cache = FeatureCache.open(tmp_path / "cache")
    assert cache.recipe.backbone_id == backbone.backbone_id
    for video in videos:
        entry = cache.by_video[video.video_id]["plain"]
        expected = backbone.encode(load_steps(video.path, backbone.clock, backbone.views))
        got = cache.read(entry.key)
        np.testing.assert_allclose(got.tokens, expected.tokens, atol=0.02)
        np.testing.assert_array_equal(got.step_s, expected.step_s)
        assert entry.num_steps == expected.num_steps
    assert told[0].clips == 3
    assert told[0].num_bytes == pytest.approx(report.num_bytes, rel=0.1)
    assert told[0].seconds is not None
    assert FeaturiseReport(**{k: v for k, v in report.to_json().items() if k != "clips_per_s"}) == report


def test_featurise__makes_only_what_is_missing_or_damaged(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path
) -> None:
    featurise(videos, backbone, tmp_path)
    before = contents(tmp_path)
    files = sorted((tmp_path / "clips").iterdir())
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-9])
    report = featurise(videos, backbone, tmp_path)
    assert (report.made, report.ready) == (2, 1)
    assert contents(tmp_path) == before
    assert featurise(videos, backbone, tmp_path).made == 0


def test_featurise__interrupted_and_continued_equals_uninterrupted(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path
) -> None:
    options = FeaturiseOptions(views_per_clip=1)
    featurise(videos, backbone, tmp_path / "whole", options)

    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        featurise(videos, backbone, tmp_path / "parts", options, on_progress=interrupt)
    assert len(FeatureCache.open(tmp_path / "parts").entries) == 4
    report = featurise(videos, backbone, tmp_path / "parts", options)
    assert (report.made, report.ready) == (2, 4)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_featurise__variants_are_indexed_by_name(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path
) -> None:
    options = FeaturiseOptions(views_per_clip=2, canonical=True)
    featurise(videos[:1], backbone, tmp_path, options)
    entries = FeatureCache.open(tmp_path).by_video["clip0"]
    assert entries.keys() == {"plain", "canonical", "aug1", "aug2"}
    assert len({e.key for e in entries.values()}) == 4


def test_featurise__videos_of_the_same_content_share_a_file(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path
) -> None:
    copy = VideoAnnotation("copy", videos[0].path, "fake")
    report = featurise([videos[0], copy], backbone, tmp_path)
    found = FeatureCache.open(tmp_path).by_video
    assert report.made == 1
    assert found["copy"]["plain"].key == found["clip0"]["plain"].key


def test_featurise__failures_are_listed_and_the_rest_is_made(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    bad = [VideoAnnotation(n, tmp_path / f"{n}.mp4", "fake") for n in ("text", "missing")]
    report = featurise([bad[0], *videos, bad[1]], backbone, tmp_path / "cache")
    assert report.made == 3
    rows = [json.loads(line) for line in (tmp_path / "cache" / "failures.jsonl").read_text().splitlines()]
    assert rows == report.failures
    assert {r["video_id"] for r in rows} == {"text", "missing"}
    assert FeatureCache.open(tmp_path / "cache").by_video.keys() == {"clip0", "clip1", "clip2"}
    featurise(videos, backbone, tmp_path / "cache")
    assert (tmp_path / "cache" / "failures.jsonl").read_text() == ""


def test_featurise__values_that_are_not_finite_are_a_failure(videos: list[VideoAnnotation], tmp_path: Path) -> None:
    broken = ImageBackbone(views=[ViewSpec(size=32)])
    broken.std.zero_()
    report = featurise(videos[:1], broken, tmp_path)
    assert [f["kind"] for f in report.failures] == ["cache"]
    assert not list((tmp_path / "clips").iterdir())


def test_featurise__refuses_another_recipe_a_double_id_and_a_full_disk(
    videos: list[VideoAnnotation], backbone: ImageBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    featurise(videos[:1], backbone, tmp_path / "cache")
    with pytest.raises(CacheError, match="differs in"):
        featurise(videos[:1], ImageBackbone(views=[ViewSpec(size=64)]), tmp_path / "cache")
    with pytest.raises(CacheError, match="differs in dtype"):
        featurise(videos[:1], backbone, tmp_path / "cache", FeaturiseOptions(dtype="float32"))
    with pytest.raises(ConfigError, match="'clip0' twice"):
        featurise([videos[0], videos[0]], backbone, tmp_path / "cache")
    with pytest.raises(ConfigError, match="decoder"):
        featurise(videos, backbone, tmp_path / "other", FeaturiseOptions(decoder="opencv"))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("dtr.featurise.shutil.disk_usage", lambda path: usage(9, 9, 0))
    with pytest.raises(CacheError, match="expected room"):
        featurise(videos, backbone, tmp_path / "cache")


@pytest.mark.parametrize("given", [{"workers": -1}, {"views_per_clip": -1}])
def test_options__refuse_negative_numbers(given: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="0 or more"):
        FeaturiseOptions(**given)
