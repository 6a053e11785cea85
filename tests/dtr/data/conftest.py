"""Rows and folders in the exact form of the released DeeptraceReward files."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Row = dict[str, Any]
WIDTH, HEIGHT, FPS, FRAMES = 64, 48, 8.0, 16
NOBODY = 65534

SHAPE_TAG = "Shape distortion (e.g. human arm bending as rubbery)"
OVERLAP_TAG = "overlap background distortion (e.g. because of object movement)"
NONE_TAG = "None of the above, but I've written in the explanations"


def make_fake_row(video_id: str = "cm2fake", **changes: Any) -> Row:
    """One trace row of a generated video, field for field as released."""
    row = {
        "video_id": video_id,
        "video_path": f"videos/{video_id}.mp4",
        "video_type": "fake_video",
        "video_source": "Pika 1.5",
        "video_prompt": "a kettle on a stove",
        "video_mime_type": "video/mp4",
        "split": "train",
        "video_width": WIDTH,
        "video_height": HEIGHT,
        "video_frame_rate": FPS,
        "video_frame_count": FRAMES,
        "video_duration": FRAMES / FPS,
        "faketrace_bbox": {"left": 16, "top": 12, "width": 32, "height": 24},
        "faketrace_first_frame": 4,
        "faketrace_duration": 1.0,
        "faketrace_check_applies": [SHAPE_TAG],
        "faketrace_explanations": "The spout melts into the steam.",
    }
    return {**row, **changes}


def make_real_row(video_id: str = "0_30_s_academic_v0_1_1", **changes: Any) -> Row:
    """The one row of a real video, field for field as released."""
    row = {key: value for key, value in make_fake_row(video_id).items() if not key.startswith("faketrace_")}
    row |= {
        "video_path": f"real_videos/{video_id}.mp4",
        "video_type": "real_video",
        "video_source": "LLaVA-Video-178K_0_30_s_academic_v0_1",
        "video_prompt": "",
    }
    return {**row, **changes}


@pytest.fixture
def fake_row() -> Callable[..., Row]:
    """`fake_row("id", field=value, …)`."""
    return make_fake_row


@pytest.fixture
def real_row() -> Callable[..., Row]:
    """`real_row("id", field=value, …)`."""
    return make_real_row


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[[list[Any]], Path]:
    """`write_rows([row, …])` writes all_data.json into the test's folder and returns the file."""

    def write(rows: list[Any]) -> Path:
        file = tmp_path / "all_data.json"
        file.write_text(json.dumps(rows), encoding="utf-8")
        return file

    return write


@pytest.fixture
def locked() -> Callable[[Path], AbstractContextManager[None]]:
    """`with locked(folder):` nobody may read the folder; a superuser, whom rights do not bind, acts as another user."""
    return _locked


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    user = os.geteuid()
    parents = [p for p in folder.parents if p.is_relative_to(tempfile.gettempdir()) and p.stat().st_uid == user]
    modes = {path: path.stat().st_mode for path in [folder, *parents]}
    try:
        folder.chmod(0)
        if user == 0:
            for parent in parents:
                parent.chmod(modes[parent] | 0o055)
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.fixture
def release_root(tmp_path: Path, media: ModuleType, write_rows: Callable[[list[Any]], Path]) -> Path:
    """A flawless stand-in of the release: two generated videos (one with two traces), two real ones, with media."""
    write_rows(
        [
            make_fake_row("cm2a"),
            make_fake_row("cm2a", faketrace_first_frame="8", faketrace_check_applies=[OVERLAP_TAG]),
            make_fake_row(
                "cm2b", video_source="Sora", split="val", faketrace_check_applies=[], faketrace_explanations=""
            ),
            make_real_row("0_30_s_a"),
            make_real_row("0_30_s_b", split="val"),
        ]
    )
    return write_release_media(tmp_path, media)


def write_release_media(root: Path, media: ModuleType) -> Path:
    """Write a media file of its own content for every row whose file is missing."""
    (root / "videos").mkdir(exist_ok=True)
    (root / "real_videos").mkdir(exist_ok=True)
    rows = json.loads((root / "all_data.json").read_text(encoding="utf-8"))
    for number, path in enumerate(dict.fromkeys(row["video_path"] for row in rows)):
        shift = 100 * (number + 1)

        def picture(n: int, width: int, height: int, shift: int = shift) -> Any:
            return media.numbered_picture(n + shift, width, height)

        media.write_video(root / path, num_frames=FRAMES, width=WIDTH, height=HEIGHT, fps=FPS, picture=picture)
    return root
