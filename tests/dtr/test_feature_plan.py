from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import VideoAnnotation
from dtr.backbones.image import ImageBackbone
from dtr.cache import FeatureCache, cache_key
from dtr.clip_jobs import ClipJob, Variant
from dtr.clock import Clock
from dtr.errors import ConfigError, MissingExtraError
from dtr.feature_plan import FeaturiseOptions, expected_steps, key_parts, make_plan, recipe_of
from dtr.views import ViewSpec


@pytest.fixture(scope="module")
def backbone() -> ImageBackbone:
    return ImageBackbone(views=[ViewSpec(size=32)])


def test_variants__plain_comes_always_and_first() -> None:
    assert [v.name for v in FeaturiseOptions().variants("real")] == ["plain"]
    named = [v.name for v in FeaturiseOptions(views_per_clip=2, canonical=True, synth_per_clip=1).variants(None)]
    assert named == ["plain", "canonical", "aug1", "aug2", "synth1", "twin1"]


def test_variants__only_camera_clips_become_pseudo_fakes() -> None:
    options = FeaturiseOptions(pseudo_per_clip=2, networks=Path("networks"))
    names = {label: [v.name for v in options.variants(label)] for label in ("real", "fake", None)}
    assert names == {"real": ["plain", "pseudo1", "pseudo2"], "fake": ["plain"], None: ["plain"]}
    with pytest.raises(ConfigError, match="dtr pseudo"):
        FeaturiseOptions(pseudo_per_clip=1)


def test_recipe__changes_with_backbone_rate_and_type_but_not_with_windows(backbone: ImageBackbone) -> None:
    same = recipe_of(ImageBackbone(views=[ViewSpec(size=32)], clock=Clock(6.0, 8, 4), batch_size=2))
    assert same.identity == recipe_of(backbone).identity
    others = [
        recipe_of(ImageBackbone(views=[ViewSpec(size=32)], clock=Clock(3.0))),
        recipe_of(ImageBackbone(views=[ViewSpec("native", 32)])),
        recipe_of(backbone, dtype="float32"),
    ]
    assert len({str(r.identity) for r in [same, *others]}) == 4


def test_recipe__names_decoder_and_its_version(backbone: ImageBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    import dtr.feature_plan as module

    assert recipe_of(backbone).identity["decoder"].startswith("pyav ")

    def only_av(name: str) -> str:
        if name != "av":
            raise module.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(module, "version", only_av)
    with pytest.raises(MissingExtraError, match=r"dtr-video\[decord\]"):
        recipe_of(backbone, "decord")


def test_key__changes_with_content_and_variant(backbone: ImageBackbone, tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path, recipe_of(backbone))
    setup = FeaturiseOptions().setup(backbone)
    variants = (Variant(), Variant("canonical"), Variant("augmented", 1), Variant("augmented", 2))
    jobs = [ClipJob("a", Path("a.mp4"), v, sha) for v in variants for sha in ("aa", "bb")]
    assert len({cache_key(key_parts(cache, setup, j)) for j in jobs}) == 8
    moved = ClipJob("b", Path("b.mp4"), Variant(), "aa")
    assert key_parts(cache, setup, moved) == key_parts(cache, setup, jobs[0])


def test_make_plan__counts_missing_files_for_every_variant(backbone: ImageBackbone, tmp_path: Path) -> None:
    options = FeaturiseOptions(canonical=True)
    cache = FeatureCache.create(tmp_path / "cache", recipe_of(backbone))
    videos = [VideoAnnotation("gone", tmp_path / "gone.mp4", "real"), VideoAnnotation("folder", tmp_path, "real")]
    plan = make_plan(videos, cache, options, options.setup(backbone))
    assert [(job.video_id, job.variant.name) for job, _ in plan.failures] == [
        ("gone", "plain"),
        ("gone", "canonical"),
        ("folder", "plain"),
        ("folder", "canonical"),
    ]
    assert not plan.jobs


def test_expected_steps__takes_the_stated_duration_or_a_guess(backbone: ImageBackbone) -> None:
    videos = [VideoAnnotation("a", Path("a"), "real", duration_s=2.0), VideoAnnotation("b", Path("b"), "real")]
    assert expected_steps(videos, backbone) == {"a": 12, "b": 30}
