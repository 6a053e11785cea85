from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from dtr.canonical.encode import write_h264
from dtr.canonical.recipe import CanonicalRecipe
from dtr.errors import VideoError


def noise(count: int, width: int, height: int, seed: int = 0) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 255, (height // 8, width // 8, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    for number in range(count):
        yield np.roll(first, 2 * number, axis=1) // 2 + rng.integers(0, 100, first.shape).astype(np.uint8)


def container_facts(path: Path) -> dict[str, Any]:
    """Everything a header says but what the picture's size and the clip's length say."""
    with av.open(str(path)) as file:
        (stream,) = file.streams
        codec = stream.codec_context
        facts = {name: getattr(codec, name) for name in ("name", "profile", "pix_fmt", "has_b_frames", "color_range")}
        facts |= {"level": codec.extradata[3], "tags": file.metadata, "stream": stream.metadata}
        facts |= {"base": stream.time_base, "rate": stream.average_rate, "start": stream.start_time}
        return facts | {"format": file.format.name, "space": codec.colorspace}


def test_write_h264__same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "abc":
        write_h264(noise(12, 96, 64), tmp_path / f"{name}.mp4", 96, 64, CanonicalRecipe())
    data = [(tmp_path / f"{name}.mp4").read_bytes() for name in "abc"]
    assert data[0] == data[1] == data[2]
    assert not [word for word in (b"x264", b"Lavf", b"Lavc") if word in data[0]]


def test_write_h264__headers_tell_no_content_and_no_size(tmp_path: Path) -> None:
    sizes = [(96, 64, 12), (64, 96, 1), (464, 256, 3), (720, 720, 2)]
    for number, (width, height, count) in enumerate(sizes):
        write_h264(noise(count, width, height, number), tmp_path / f"{number}.mp4", width, height, CanonicalRecipe())
    facts = [container_facts(tmp_path / f"{number}.mp4") for number in range(len(sizes))]
    assert all(f == facts[0] for f in facts)
    assert facts[0]["profile"] == "High"
    assert facts[0]["rate"] == 6
    assert not set(facts[0]["tags"]) & {"encoder", "creation_time"}


def test_write_h264__has_its_rate_key_frames_and_full_length(tmp_path: Path) -> None:
    write_h264(noise(10, 96, 64), tmp_path / "a.mp4", 96, 64, CanonicalRecipe(fps=29.97, gop=4))
    with av.open(str(tmp_path / "a.mp4")) as file:
        frames = list(file.decode(video=0))
        assert [round(f.time * 29.97, 3) for f in frames] == list(range(10))
        assert [f.key_frame for f in frames] == [True, False, False, False, True, False, False, False, True, False]
        assert file.duration / 1e6 == pytest.approx(10 / 29.97, abs=1e-3)
        assert file.streams.video[0].average_rate == Fraction(2997, 100)


def test_write_h264__keeps_colours(tmp_path: Path) -> None:
    red = np.broadcast_to(np.array([220, 40, 60], dtype=np.uint8), (48, 64, 3))
    write_h264([red] * 3, tmp_path / "red.mp4", 64, 48, CanonicalRecipe())
    with av.open(str(tmp_path / "red.mp4")) as file:
        pixel = next(file.decode(video=0)).to_ndarray(format="rgb24")[20, 20]
    assert np.abs(pixel.astype(int) - (220, 40, 60)).max() <= 6


def test_write_h264__a_failure_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from noise(2, 64, 48)
        raise VideoError("the source ended")

    with pytest.raises(VideoError, match="the source ended"):
        write_h264(broken(), tmp_path / "a.mp4", 64, 48, CanonicalRecipe())
    with pytest.raises(VideoError, match=r"cannot write .*gone/a\.mp4"):
        write_h264(noise(2, 64, 48), tmp_path / "gone/a.mp4", 64, 48, CanonicalRecipe())
    assert list(tmp_path.iterdir()) == []
