from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dtr.data.check import check_dataset
from dtr.data.dataset import read_dataset
from dtr.errors import ConfigError
from dtr.traces.recipe import SynthRecipe
from dtr.traces.run import SynthOptions, SynthReport, synthesise_clips
from dtr.traces.sources import read_sources
from dtr.traces.synthesise import SynthSpec
from tests.synth_clips import contents, disc_set, grey_picture

RECIPE = SynthRecipe(
    spec=SynthSpec(severity=(0.9, 1.0), mechanisms=("Object Distortion",), use="all"), short_side=(96, 96)
)
HERE = SynthOptions(workers=0)


def run(root: Path, out: Path, recipe: SynthRecipe = RECIPE, **options: Any) -> SynthReport:
    on_progress = options.pop("on_progress", None)
    return synthesise_clips(read_sources([str(root)]), out, recipe, replace(HERE, **options), on_progress=on_progress)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "set"
    return disc_set(
        folder, media, f0={"label": "fake"}, f1={"label": "fake"}, r0={"label": "real"}, r1={"label": "real"}
    )


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SynthReport]:
    out = tmp_path_factory.mktemp("synth") / "out"
    return out, run(root, out)


def test_synthesise_clips__gives_two_flawless_data_sets(made: tuple[Path, SynthReport]) -> None:
    out, report = made
    assert (report.made_now, report.failures, report.info["counts"]["pairs"]) == (4, (), 4)
    assert report.frames_per_s
    assert report.peak_mib
    for place in (out, out / "traces.jsonl"):
        check = check_dataset(place, workers=1)
        assert check.ok, check.problems
        assert not check.problems
        assert check.counts["videos"] == 8
    released = read_dataset(out)
    exact = {v.video_id: v for v in read_dataset(out / "traces.jsonl").videos}
    facts = read_dataset(out / "traces.jsonl").facts
    for video in released.videos:
        own, about = exact[video.video_id], facts[video.video_id]
        base = about["base_id"]
        is_real = base.startswith("r")
        assert own.label == ("real" if is_real else "fake")
        assert own.exhaustive is is_real
        assert own.split == video.split == "train"
        if about["synthetic"] == "twin":
            assert (video.label, video.source) == (own.label, own.source)
            assert video.traces == own.traces == (() if is_real else None)
        else:
            assert (video.label, video.source, video.exhaustive) == ("fake", "synthetic", False)
            assert video.traces
            assert own.traces
            assert exact[about["twin_id"]].label == own.label
            for row, trace, told in zip(video.traces, own.traces, about["synth"], strict=True):
                assert row.span_s == pytest.approx(trace.span_s, abs=1e-5)
                assert row.box == pytest.approx(trace.box, abs=1e-4)
                assert row.categories == trace.categories == {"Object Distortion"}
                assert row.explanation == trace.explanation
                assert len(trace.boxes) > 2
                assert 0.9 <= told["severity"] <= 1.0
                assert told["held_out"] is (told["mechanism"] == "swell")


def test_synthesise_clips__files_do_not_name_their_role(made: tuple[Path, SynthReport]) -> None:
    out, _ = made
    names = sorted(path.name for path in (out / "videos").iterdir())
    facts = read_dataset(out / "traces.jsonl").facts
    assert names == sorted(f"{i}.mp4" for i in facts)
    first = {f["base_id"]: f["synthetic"] for i, f in sorted(facts.items(), reverse=True)}
    assert set(first.values()) == {"twin", "traced"}
    for one, other in ((facts[i], facts[f["twin_id"]]) for i, f in facts.items() if "twin_id" in f):
        same = ("codec", "level", "gop", "every", "negatives", "num_frames", "donor_id")
        assert [one[name] for name in same] == [other[name] for name in same]


def test_synthesise_clips__same_bytes_from_worker_processes(
    root: Path, made: tuple[Path, SynthReport], tmp_path: Path
) -> None:
    run(root, tmp_path / "out", workers=2)
    assert contents(tmp_path / "out") == contents(made[0])


def test_synthesise_clips__continues_after_a_kill(root: Path, made: tuple[Path, SynthReport], tmp_path: Path) -> None:
    out = tmp_path / "out"
    child = os.fork()
    if child == 0:  # dies by the strongest signal after its second pair
        run(root, out, on_progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done == 2 else None)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not (out / "synth.json").exists()
    (out / "videos" / ".0123456789abcdef.mp4.1.tmp").touch()  # left by a worker
    journal = out / ".synth/pairs.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"video_id": "half')
    assert run(root, out).made_now == 2
    assert contents(out) == contents(made[0])
    next((out / "videos").iterdir()).write_bytes(b"changed")
    assert run(root, out).made_now == 1
    assert run(root, out).frames_per_s is None
    assert contents(out) == contents(made[0])


def test_synthesise_clips__more_pairs_add_to_those_there(
    root: Path, made: tuple[Path, SynthReport], tmp_path: Path
) -> None:
    run(root, tmp_path / "out")
    report = run(root, tmp_path / "out", per_clip=2)
    assert (report.made_now, report.info["counts"]["pairs"]) == (4, 8)
    before, after = contents(made[0]), contents(tmp_path / "out")
    assert {name: after[name] for name in before if name.startswith("videos/")}.items() <= before.items()
    assert check_dataset(tmp_path / "out", workers=1).ok
    with pytest.raises(ConfigError, match="synthesised clips of the same recipe, got a folder made with seed 0"):
        run(root, tmp_path / "out", replace(RECIPE, seed=1))


def test_synthesise_clips__counts_what_has_no_files(media: ModuleType, tmp_path: Path) -> None:
    root = disc_set(
        tmp_path / "set", media, bad={"label": "fake"}, grey={"label": "real", "picture": grey_picture},
        good={"label": "real"},
    )  # fmt: skip
    (root / "videos/bad.mp4").write_text("no video")
    report = run(root, tmp_path / "out")
    assert [f["video_id"] for f in report.failures] == ["bad"]
    assert report.info["left_out"] == [{"video_id": "grey", "k": 0, "why": "no_trace"}]
    assert report.info["counts"]["pairs"] == 1
    assert json.loads((tmp_path / "out/synth.json").read_text()) == report.info
    assert check_dataset(tmp_path / "out", workers=1).ok


def test_synthesise_clips__refuses_a_folder_in_the_source(root: Path) -> None:
    with pytest.raises(ConfigError, match="outside of the data set"):
        run(root, root / "out")
