"""An image backbone run by onnxruntime while features are made: about twice as fast as torch on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import Dim

from dtr.errors import ConfigError
from dtr.export.runtime import open_session
from dtr.export.to_onnx import quiet_export

TOLERANCE = 1e-3
"""Largest difference, of the largest value, to torch's tokens on noise; what features lose in float16 anyway."""


def onnx_engine(backbone: Any, threads: int = 1) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The backbone's forward pass as a function of arrays, proven equal on noise before it is given.

    Args:
        backbone: an image backbone on the CPU. threads: of onnxruntime.

    Returns:
        (S, V, H, W, 3) uint8 frames → (S, P, D) float32 tokens.

    Raises:
        ConfigError: the backbone is of another kind, or its graph does not agree with it.
    """
    if not hasattr(backbone, "engine"):
        raise ConfigError(
            f"--engine onnx: expected an image backbone, got {type(backbone).__name__}; leave the option out"
        )
    views = backbone.views
    shape = (2, len(views), views[0].size, views[0].size, 3)
    noise = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = quiet_export(backbone, (noise,), ["frames"], ["tokens"], ({0: Dim("S", min=1)},))
    session = open_session(data, "the backbone's graph", ["CPUExecutionProvider"], threads)

    def run(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        return session.run(["tokens"], {"frames": frames})[0]

    with torch.no_grad():
        wanted = backbone(noise).numpy()
    apart = float(np.abs(run(noise.numpy()) - wanted).max() / max(1e-6, np.abs(wanted).max()))
    if not apart <= TOLERANCE:
        raise ConfigError(
            f"--engine onnx: the backbone's graph differs from torch by {apart:.1e}; leave the option out"
        )
    return run
