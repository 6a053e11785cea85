"""Little data sets for the tests of `dtr synth`: a textured disc that moves over a textured background."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = Callable[[int, int, int], NDArray[np.uint8]]


def disc_picture(seed: int, speed: float = 2.0) -> Picture:
    """Frames of a clip; other seeds give other textures."""

    def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng(seed)
        cells = rng.integers(20, 110, (height // 6 + 1, width // 6 + 1, 3), dtype=np.uint8)
        face = rng.integers(140, 250, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
        rgb = np.kron(cells, np.ones((6, 6, 1), np.uint8))[:height, :width].copy()
        over = np.kron(face, np.ones((4, 4, 1), np.uint8))[:height, :width]
        x = 0.35 * width + speed * number
        over = np.roll(over, round(speed * number), axis=1)
        rows, cols = np.mgrid[:height, :width]
        inside = np.hypot(cols - x, rows - height / 2) < 0.26 * height
        rgb[inside] = over[inside]
        return rgb

    return picture


def grey_picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """A still grey: no trace finds a place in it."""
    return np.full((height, width, 3), 120, np.uint8)


def disc_set(root: Path, media: ModuleType, **clips: dict[str, Any]) -> Path:
    """A data set in the released form: name → options of `media.write_video` and "label"."""
    rows = []
    for number, (name, given) in enumerate(clips.items()):
        options = {"num_frames": 18, "fps": 12.0, "width": 128, "height": 96, "picture": disc_picture(number)} | given
        label = options.pop("label")
        folder = "videos" if label == "fake" else "real_videos"
        (root / folder).mkdir(parents=True, exist_ok=True)
        media.write_video(root / folder / f"{name}.mp4", **options)
        rows.append(
            {
                "video_id": name,
                "video_path": f"{folder}/{name}.mp4",
                "video_type": f"{label}_video",
                "video_source": "Gen <1>" if label == "fake" else "cam",
                "split": "train",
            }
        )
    (root / "all_data.json").write_text(json.dumps(rows), encoding="utf-8")
    return root


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder, the run's own notes left out."""
    files = [path for path in out.rglob("*") if path.is_file() and ".synth" not in path.parts]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}
