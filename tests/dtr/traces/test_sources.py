from __future__ import annotations

import json
from pathlib import Path

import pytest

from dtr.errors import ConfigError
from dtr.traces.sources import read_sources


def data_set(root: Path, labels: str = "ffrr") -> Path:
    rows = [
        {
            "video_id": f"v{n}",
            "video_path": f"videos/v{n}.mp4",
            "video_type": {"f": "fake_video", "r": "real_video"}[label],
            "split": "train" if n != 3 else "val",
        }
        for n, label in enumerate(labels)
    ]
    root.mkdir(exist_ok=True)
    (root / "all_data.json").write_text(json.dumps(rows), encoding="utf-8")
    return root


def test_read_sources__takes_a_data_set_by_split_label_and_limit(tmp_path: Path) -> None:
    root = str(data_set(tmp_path / "set"))
    assert [v.video_id for v in read_sources([root]).videos] == ["v0", "v1", "v2", "v3"]
    assert [v.video_id for v in read_sources([root], split="train", label="real").videos] == ["v2"]
    assert [v.video_id for v in read_sources([root], limit=2).videos] == ["v0", "v2"]
    assert [v.video_id for v in read_sources([root + "/all_data.json"]).videos] == ["v0", "v1", "v2", "v3"]
    with pytest.raises(ConfigError, match="expected clips of split test, found none"):
        read_sources([root], split="test")


def test_read_sources__takes_plain_videos_whose_label_is_stated(tmp_path: Path) -> None:
    for name in ("a/x.mp4", "b/x.mp4", "b/y.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(tmp_path / "a"), str(tmp_path / "b/*.mp4"), str(tmp_path / "no*")]
    found = read_sources(names, label="real")
    assert [v.video_id for v in found.videos] == [str(tmp_path / "a/x.mp4"), str(tmp_path / "b/x.mp4"), "y"]
    assert all(v.label == "real" and v.exhaustive for v in found.videos)
    assert [name for name, _ in found.failures] == [str(tmp_path / "no*")]
    with pytest.raises(ConfigError, match="--label real or fake"):
        read_sources(names)
    with pytest.raises(ConfigError, match="a split of plain videos"):
        read_sources(names, label="real", split="train")


def test_donor_of__is_another_clip_of_the_same_split_and_label(tmp_path: Path) -> None:
    found = read_sources([str(data_set(tmp_path / "set", "fffrffrr"))])
    for video in found.videos:
        drawn = [found.donor_of(video, seed, 0) for seed in range(12)]
        for donor in drawn:
            if donor is None:
                assert video.split == "val"
            else:
                assert (donor.split, donor.label) == (video.split, video.label)
                assert donor != video
    first = found.videos[0]
    assert len({str(found.donor_of(first, seed, 0)) for seed in range(12)}) > 2
    assert found.donor_of(first, 5, 1) == found.donor_of(first, 5, 1)


def test_sha256__follows_what_decides(tmp_path: Path) -> None:
    one, same, other = (
        read_sources([str(data_set(tmp_path / name, labels))])
        for name, labels in (("a", "ffrr"), ("b", "ffrr"), ("c", "fffr"))
    )
    assert one.sha256 == same.sha256 != other.sha256
