from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.errors import ConfigError, VideoError
from dtr.pseudo.crops import CropSpec, collect_crops, cut_crops

MakeVideo = Callable[..., Path]
WHOLE = CropSpec(size=64, triples=4, crops=1, short_side=(64, 64), span=30, max_gap_s=0.25)


def clip(path: Path) -> VideoAnnotation:
    return VideoAnnotation(path.stem, path, "real", source=path.stem)


def test_collect_crops__triples_are_equally_spaced_frames_of_one_clip(make_video: MakeVideo, media: ModuleType) -> None:
    path = make_video(num_frames=30, fps=12.0, width=64, height=64)
    crops = collect_crops([clip(path)], WHOLE, seed=3)
    assert crops.shape == (4, 3, 64, 64, 3)
    numbers = np.array([[media.frame_number(frame) for frame in triple] for triple in crops])
    gaps = np.diff(numbers, axis=1)
    assert (gaps[:, 0] == gaps[:, 1]).all()
    assert gaps.min() >= 1
    assert gaps.max() <= 3  # 0.25 s at 12 fps
    assert len(np.unique(numbers[:, 0])) > 1


def test_collect_crops__a_clip_does_not_depend_on_the_others(make_video: MakeVideo) -> None:
    one, two = clip(make_video("one.mp4", num_frames=8)), clip(make_video("two.mp4", num_frames=8))
    spec = CropSpec(size=32, triples=2, crops=2)
    both = collect_crops([one, two], spec, seed=0)
    assert np.array_equal(both[4:], collect_crops([two], spec, seed=0))
    assert not np.array_equal(both[4:], collect_crops([two], spec, seed=1))


@pytest.mark.parametrize("num_frames", [1, 2])
def test_collect_crops__a_short_clip_repeats_its_last_frame(
    make_video: MakeVideo, media: ModuleType, num_frames: int
) -> None:
    crops = collect_crops([clip(make_video(num_frames=num_frames, width=64, height=64))], WHOLE, seed=0)
    assert [media.frame_number(frame) for frame in crops[0]] == [0, *[num_frames - 1] * 2]


def test_collect_crops__says_how_far_it_is(make_video: MakeVideo) -> None:
    told: list[tuple[int, int]] = []
    path = make_video(num_frames=4)
    collect_crops([clip(path)] * 2, CropSpec(size=32, triples=1), 0, lambda *at: told.append(at))
    assert told == [(1, 2), (2, 2)]


def test_collect_crops__refuses_no_clips_and_broken_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got none"):
        collect_crops([], WHOLE, 0)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match="broken"):
        collect_crops([clip(tmp_path / "broken.mp4")], WHOLE, 0)


def test_cut_crops__scales_down_but_enlarges_only_what_is_too_small() -> None:
    coarse = np.zeros((3, 200, 200, 3), dtype=np.uint8)
    coarse[:, ::2] = 255  # lines one pixel high vanish when scaled to half
    rng = np.random.default_rng(0)
    scaled = cut_crops(coarse, CropSpec(size=64, crops=1, short_side=(100, 100)), rng)[0]
    kept = cut_crops(coarse, CropSpec(size=64, crops=1, short_side=(900, 900)), rng)[0]
    assert scaled.std() < 20
    assert kept.std() > 120
    assert cut_crops(coarse[:, :40, :48], CropSpec(size=64, crops=1), rng)[0].shape == (3, 64, 64, 3)


@pytest.mark.parametrize("wrong", [{"size": 50}, {"triples": 0}, {"span": 2}, {"short_side": (9, 8)}, {"max_gap_s": 0}])
def test_crop_spec__refuses_what_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="correct the value"):
        CropSpec(**wrong)  # type: ignore[arg-type]
