"""Small data sets in the released form whose classes differ in everything that a file can say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dtr.canonical.recipe import CanonicalRecipe
from dtr.canonical.run import CanonicalOptions, CanonicalReport, canonicalise

Row = dict[str, Any]
RECIPE = CanonicalRecipe(short_side=64, seconds=2.0)


@pytest.fixture
def recipe() -> CanonicalRecipe:
    """The recipe of `mixed_out`."""
    return RECIPE


@pytest.fixture
def make_set(tmp_path: Path, media: ModuleType) -> Callable[..., Path]:
    """`make_set({"id": {"label": "fake", …options of media.write_video}}, traces={"id": [row fields]})`."""

    def make(clips: dict[str, dict[str, Any]], traces: dict[str, list[Row]] | None = None) -> Path:
        return _write_set(tmp_path / "set", clips, traces or {}, media)

    return make


@pytest.fixture(scope="session")
def mixed_set(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    """Two generated and two camera clips: sizes, rates, codecs, sound, rotation and lengths name the class.

    Shared by all tests: never change it.
    """
    return _write_set(
        tmp_path_factory.mktemp("mixed") / "set",
        {
            "f0": {"label": "fake", "num_frames": 12, "fps": 8.0, "width": 96, "height": 64},
            "f1": {"label": "fake", "num_frames": 24, "fps": 12.0, "width": 64, "height": 64},
            "r0": {"label": "real", "num_frames": 60, "fps": 30.0, "with_audio": True, "rotation_cw": 90},
            "r1": {"label": "real", "num_frames": 50, "fps": 25.0, "codec": "mpeg4", "width": 110, "height": 62},
        },
        {
            "f0": [
                {"faketrace_bbox": {"left": 24, "top": 16, "width": 48, "height": 32}, "faketrace_first_frame": 2},
                {"faketrace_first_frame": 11, "faketrace_explanations": "late"},
            ]
        },
        media,
    )


@pytest.fixture(scope="session")
def mixed_out(mixed_set: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CanonicalReport]:
    """What one run without interruption makes of `mixed_set`; never change it."""
    out = tmp_path_factory.mktemp("made") / "out"
    return out, canonicalise(mixed_set, out, RECIPE, CanonicalOptions(workers=0))


def _write_set(root: Path, clips: dict[str, dict[str, Any]], traces: dict[str, list[Row]], media: ModuleType) -> Path:
    rows = [row for i, clip in clips.items() for row in _write_clip(root, i, clip, traces.get(i), media)]
    (root / "all_data.json").write_text(json.dumps(rows), encoding="utf-8")
    return root


def _write_clip(
    root: Path, video_id: str, clip: dict[str, Any], traces: list[Row] | None, media: ModuleType
) -> list[Row]:
    options = {"num_frames": 12, "fps": 12.0, "width": 96, "height": 64, **clip}
    label, split = options.pop("label"), options.pop("split", "train")
    folder = "videos" if label == "fake" else "real_videos"
    path = root / folder / f"{label}-{video_id}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(video_id.encode())

    def picture(number: int, width: int, height: int) -> Any:
        rgb = media.numbered_picture(number, width, height)
        rgb[: height // 4, : width // 4] = np.random.default_rng(seed).integers(0, 255, 3)  # contents of its own
        return rgb

    media.write_video(path, **{"picture": picture, **options})
    times = options.get("times_s")
    row = {
        "video_id": video_id,
        "video_path": f"{folder}/{path.name}",
        "video_type": f"{label}_video",
        "video_source": f"{label} source",
        "video_prompt": "a kettle",
        "video_mime_type": "video/mp4",
        "split": split,
        "video_width": options["width"],
        "video_height": options["height"],
        "video_frame_rate": options["fps"],
        "video_frame_count": options["num_frames"] if times is None else len(times),
        "video_duration": options["num_frames"] / options["fps"] if times is None else times[-1] + 1 / options["fps"],
    }
    if label == "real":
        return [row]
    blank = {
        "faketrace_bbox": {"left": 0, "top": 0, "width": 10, "height": 10},
        "faketrace_first_frame": 0,
        "faketrace_duration": 0.5,
        "faketrace_check_applies": [],
        "faketrace_explanations": "",
    }
    return [{**row, **blank, **trace} for trace in (traces or [{}])]
