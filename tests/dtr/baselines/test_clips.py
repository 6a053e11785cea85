from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import VideoAnnotation
from dtr.baselines.clips import clip_numbers, read_clips
from dtr.errors import CacheError
from tests.baseline_data import WIDTH, make_clip, write_cache


def test_clip_numbers__have_the_widths_that_are_promised() -> None:
    found = clip_numbers(make_clip("fake", 0, 9))
    assert (found.num_steps, len(found.trajectory), len(found.means), len(found.changes)) == (9, 21, WIDTH, WIDTH)
    assert found.spread == pytest.approx(found.step_spread * 36)  # even steps at 6 Hz: 1 / s² each


def test_read_clips__leaves_out_what_is_not_cached(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "cache", [("a", "val", "fake")])
    known, other = (VideoAnnotation(name, Path("x.mp4"), "fake") for name in "ab")
    seen: list[tuple[int, int]] = []
    wanted = [(known, "plain"), (known, "canonical"), (other, "plain")]
    found = read_clips(cache, wanted, on_progress=lambda done, total: seen.append((done, total)))
    assert list(found) == [("a", "plain")]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_read_clips__a_damaged_file_is_an_error(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "cache", [("a", "val", "fake")])
    path = cache.path(cache.entries[0].key)
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    with pytest.raises(CacheError, match="damaged"):
        read_clips(cache, [(VideoAnnotation("a", Path("a.mp4"), "fake"), "plain")])
