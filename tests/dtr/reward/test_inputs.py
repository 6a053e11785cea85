from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dtr.errors import ConfigError, VideoError
from dtr.reward import RewardWeights, TraceReward, reward_frames, reward_path
from dtr.reward.inputs import to_uint8

FPS = 8.0


def frames(level: int = 250, count: int = 8) -> np.ndarray:
    """(T, H, W, 3) uint8 of one grey level, as `grey_clip` writes."""
    return np.full((count, 48, 64, 3), level, dtype=np.uint8)


def first(array: np.ndarray) -> torch.Tensor:
    """The same frames as a tensor, channels first."""
    return torch.from_numpy(np.moveaxis(array, -1, -3).copy())


def test_reward_path__tells_bright_from_dark(tiny_model: Path, grey_clip: Callable[..., Path]) -> None:
    bright = reward_path(grey_clip("bright.mp4", 250), model=tiny_model)
    dark = reward_path(grey_clip("dark.mp4", 10), model=tiny_model)
    assert bright.value < 0.5 < dark.value
    only = TraceReward(RewardWeights(severity=0, worst_trace=0, coverage=0))
    assert reward_path(grey_clip("b.mp4", 250), model=tiny_model, reward=only).value == 1 - bright.parts.label


def test_reward_frames__every_form_of_the_same_frames_agrees(tiny_model: Path) -> None:
    array = frames()
    tensor = first(array)
    unit, signed = tensor.float() / 255, tensor.float() / 127.5 - 1
    forms: list[tuple[Any, dict[str, Any]]] = [
        (array, {}),
        (array[None], {}),
        (np.moveaxis(array, -1, 1), {"channels": "first"}),
        (array.astype(np.float32) / 255, {"value_range": (0, 1)}),
        (tensor, {}),
        (tensor[None], {}),
        (tensor.movedim(1, -1), {"channels": "last"}),
        (unit, {"value_range": (0, 1)}),
        (signed.double().requires_grad_(), {"value_range": (-1.0, 1.0)}),
    ]
    expected = reward_frames(array, fps=FPS, model=tiny_model)
    for form, options in forms:
        assert reward_frames(form, fps=FPS, model=tiny_model, **options) == expected
    half = reward_frames(unit.bfloat16(), fps=FPS, model=tiny_model, value_range=(0, 1))
    assert half[0].value == pytest.approx(expected[0].value, abs=0.01)


def test_reward_frames__a_frame_file_and_its_frames_agree(tiny_model: Path, grey_clip: Callable[..., Path]) -> None:
    of_file = reward_path(grey_clip("bright.mp4", 250), model=tiny_model)
    assert reward_frames(frames(), fps=FPS, model=tiny_model)[0].value == pytest.approx(of_file.value, abs=0.01)


def test_reward_frames__a_batch_keeps_its_order(tiny_model: Path) -> None:
    batch = torch.stack([first(frames(level)) for level in (10, 250, 10)])
    values = [r.value for r in reward_frames(batch, fps=FPS, model=tiny_model)]
    assert values[0] == values[2] > values[1]
    assert reward_frames(batch[:0], fps=FPS, model=tiny_model) == []


def test_reward_frames__speed_is_that_of_the_caller(tiny_model: Path) -> None:
    slow, fast = (reward_frames(frames(), fps=fps, model=tiny_model)[0].reasons[1] for fps in (4.0, 8.0))
    assert "0.0–2.0 s" in slow
    assert "0.0–1.0 s" in fast


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        (frames(), {"fps": 0.0}, ConfigError, "fps"),
        (frames() / 255, {}, ConfigError, "float64 frames need"),
        (frames() / 255, {"value_range": (0, 255)}, ConfigError, "value_range"),
        (frames(), {"value_range": (0, 1)}, ConfigError, "uint8"),
        (frames(10) / 127.5 - 1, {"value_range": (0, 1)}, VideoError, r"from -0\.92"),
        (frames() / 127.5, {"value_range": (-1, 1)}, VideoError, r"\[-1, 1\]"),
        (frames() * np.nan, {"value_range": (0, 1)}, VideoError, "nan"),
        (frames().astype(np.int64), {}, VideoError, "int64"),
        (frames()[0], {}, VideoError, r"\(48, 64, 3\)"),
        (frames()[:0], {}, VideoError, r"\(0, 48, 64, 3\)"),
        (first(frames()), {"channels": "last"}, VideoError, "channels='first'"),
        (frames(), {"channels": "middle"}, ConfigError, "middle"),
        ([[1, 2]], {}, VideoError, "list"),
    ],
)
def test_reward_frames__nothing_is_guessed(
    given: Any, options: dict[str, Any], error: type[Exception], words: str, tiny_model: Path
) -> None:
    with pytest.raises(error, match=words):
        reward_frames(given, **({"fps": FPS} | options), model=tiny_model)


def test_to_uint8__every_level_comes_back() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert (to_uint8(levels / np.float32(255), (0, 1)) == levels).all()
    assert (to_uint8(levels / np.float64(127.5) - 1, (-1, 1)) == levels).all()
    assert to_uint8(levels, (0, 255)) is levels


def test_reward_frames__of_an_array_loads_no_torch(tiny_model: Path) -> None:
    code = (
        "import sys, numpy as np; from dtr.reward import reward_frames\n"
        "assert reward_frames(np.zeros((8, 48, 64, 3)), fps=8.0, value_range=(0, 1), model=sys.argv[1])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tiny_model)], check=True, timeout=60)
