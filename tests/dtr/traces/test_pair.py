from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtr.job_pool import JobFailure
from dtr.traces.pair import Pair, PairJob, PairSetup, make_pair, pair_of, pair_row, stamps
from dtr.traces.recipe import SynthRecipe
from dtr.traces.synthesise import SynthSpec, SynthTrace
from dtr.video import Limits, read_clip
from tests.synth_clips import disc_picture, grey_picture

MakeVideo = Callable[..., Path]
SPEC = SynthSpec(traces=(1, 1), severity=(0.9, 1.0), mechanisms=("melt",))
RECIPE = SynthRecipe(spec=SPEC, short_side=(96, 96), codecs=("h264",), coarseness=(0.0, 0.0), negatives=0.0)
SHAPE: dict[str, Any] = {"num_frames": 18, "fps": 12.0, "width": 128, "height": 96, "picture": disc_picture(0)}


def make(folder: Path, source: Path, recipe: SynthRecipe = RECIPE, k: int = 0, donor: Path | None = None) -> Any:
    job = PairJob("v", source, k, donor, folder / "a.mp4", folder / "b.mp4")
    return make_pair(job, PairSetup(recipe, Limits()))


def test_make_pair__differs_where_the_trace_is_and_nowhere_else(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("s.mp4", **SHAPE)
    pair = make(tmp_path, source)
    assert isinstance(pair, Pair)
    assert (pair.frames, pair.duration_s, pair.left_out) == (18, pytest.approx(1.5), "")
    twin, traced = (read_clip(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    np.testing.assert_array_equal(twin.times_s, traced.times_s)
    original = read_clip(source)
    assert np.abs(twin.frames.astype(int) - original.frames).mean() < 6
    (trace,) = (SynthTrace.from_json(row) for row in pair.traces)
    change = np.abs(traced.frames.astype(int) - twin.frames).max(axis=-1)
    inside = np.zeros(change.shape, bool)
    for time_s, (x0, y0, x1, y1) in trace.boxes:
        index = int(np.abs(twin.times_s - time_s).argmin())
        inside[index, round(y0 * 96) : round(y1 * 96), round(x0 * 128) : round(x1 * 128)] = True
    assert change[inside].mean() > 5 * change[~inside].mean()
    before = twin.times_s < trace.span_s[0] - 1e-6
    assert change[before].max(initial=0) <= change.max() / 4


def test_make_pair__repeats_and_follows_seed_and_number(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("s.mp4", **SHAPE)
    recipe = replace(RECIPE, negatives=1.0)
    first, again = make(tmp_path, source, recipe), make(tmp_path, source, recipe)
    assert (first.twin_sha256, first.traced_sha256) == (again.twin_sha256, again.traced_sha256)
    assert first.negatives
    assert make(tmp_path, source, recipe, k=1).traced_sha256 != first.traced_sha256
    assert make(tmp_path, source, replace(recipe, seed=1)).traced_sha256 != first.traced_sha256
    assert pair_of(pair_row(first)) == first


def test_make_pair__works_on_shots_and_spreads_a_clip_s_traces_over_them(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("s.mp4", **(SHAPE | {"num_frames": 48, "picture": disc_picture(0, speed=1.0)}))
    recipe = replace(RECIPE, shot_s=1.0, spec=replace(SPEC, traces=(3, 3)))
    starts = []
    for k in range(3):
        pair = make(tmp_path, source, recipe, k=k)
        assert pair.frames == 48
        assert 1 <= len(pair.traces) <= 3
        starts += [row["span_s"][0] for row in pair.traces]
        assert all(row["span_s"][1] <= 4.0 + 1e-6 for row in pair.traces)
    assert max(starts) > 1.0


def test_make_pair__leaves_out_what_offers_no_place(make_video: MakeVideo, tmp_path: Path) -> None:
    still = make_video("grey.mp4", **(SHAPE | {"picture": grey_picture}))
    assert make(tmp_path, still).left_out == "no_trace"
    short = make_video("short.mp4", **(SHAPE | {"num_frames": 2}))
    assert make(tmp_path, short).left_out == "too_short"
    assert not [path for path in tmp_path.iterdir() if path.name not in ("grey.mp4", "short.mp4")]


def test_make_pair__says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "s.mp4").write_text("no video")
    failure = make(tmp_path, tmp_path / "s.mp4")
    assert isinstance(failure, JobFailure)
    assert "s.mp4" in failure.message
    assert make(tmp_path, tmp_path / "none.mp4").kind == "video"
    assert [path.name for path in tmp_path.iterdir()] == ["s.mp4"]


def test_make_pair__uses_a_donor_and_does_without_a_broken_one(make_video: MakeVideo, tmp_path: Path) -> None:
    source, donor = make_video("s.mp4", **SHAPE), make_video("d.mp4", **(SHAPE | {"picture": disc_picture(5)}))
    assert make(tmp_path, source, donor=donor).used_donor
    donor.write_text("no video")
    pair = make(tmp_path, source, donor=donor)
    assert (pair.used_donor, pair.left_out) == (False, "")
    assert pair.stamp == stamps(source, donor)


# Not getrusage: its peak of a child begins with that of the process that started it.
MEASURE = """
import sys
from pathlib import Path
from dtr.traces.pair import *
from dtr.traces.synthesise import SynthSpec
opencv(), __import__("av"), __import__("PIL.ImageFont")

def peak_kib():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

before = peak_kib()
spec = SynthSpec(traces=(2, 2), use="all", mechanisms=("Background Distortion",))
side, memory = int(sys.argv[2]), int(sys.argv[3])
recipe = SynthRecipe(spec=spec, short_side=(side, side), memory_mib=memory, negatives=1.0, codecs=("hevc",))
folder, source = Path(sys.argv[1]).parent, Path(sys.argv[1])
pair = make_pair(PairJob("v", source, 0, source, folder / "a.mp4", folder / "b.mp4"), PairSetup(recipe, Limits()))
assert pair.traces and pair.used_donor, pair
print((peak_kib() - before) / 1024)
"""


@pytest.mark.slow
def test_make_pair__stays_within_its_memory_however_long_the_clip(make_video: MakeVideo, tmp_path: Path) -> None:
    shape = {"width": 854, "height": 480, "num_frames": 200, "fps": 24.0, "picture": disc_picture(0, speed=1.5)}
    source = make_video("long.mp4", **shape)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(source), "480", "320"], capture_output=True, text=True, check=True
    )
    assert 100 < float(done.stdout) < 320
