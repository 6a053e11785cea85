"""How far a reconstruction is from its original: for training, and as a figure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dtr.errors import VideoError

_PATCH = 8
"""Side in pixels of the patches whose amount of fine detail is compared."""


def reconstruction_loss(decoded: Tensor, true: Tensor, *, edges: float, detail: float) -> Tensor:
    """Mean absolute error of pixels, of differences between neighbours, and of the amount of fine detail.

    The last term does not ask where detail lies, only how much of it a patch has: without it a network learns to blur,
    and a detector then learns that blur is fake.

    Args:
        decoded, true: (B, F, 3, H, W) float32 in [-1, 1].
        edges, detail: weights of the second and the third term, ≥ 0.

    Returns:
        () float32.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 3, 16, 16)
        >>> round(reconstruction_loss(x + 0.5, x, edges=1.0, detail=1.0).item(), 6)
        0.5
    """
    error = decoded - true
    loss = error.abs().mean()
    loss = loss + edges * 0.5 * (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean())
    return loss + detail * (fine_detail(decoded.flatten(0, 1)) - fine_detail(true.flatten(0, 1))).abs().mean()


def fine_detail(pictures: Tensor) -> Tensor:
    """Mean absolute difference between a pixel and its 3 × 3 surroundings, in patches of 8 × 8.

    Args:
        pictures: (B, C, H, W) float32.

    Returns:
        (B, C, H // 8, W // 8) float32, ≥ 0.

    Example:
        >>> import torch
        >>> fine_detail(torch.full((1, 3, 16, 24), 0.7)).shape, fine_detail(torch.ones(1, 1, 8, 8)).max().item()
        (torch.Size([1, 3, 2, 3]), 0.0)
    """
    around = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return functional.avg_pool2d((pictures - around).abs(), _PATCH)


def psnr_db(decoded: NDArray[np.uint8], true: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio, 10 log10(255² / mean squared error); equal pictures count as an error of 0.01.

    Args:
        decoded, true: uint8 of one shape.

    Raises:
        VideoError: the shapes differ.

    Example:
        >>> round(psnr_db(np.zeros((4, 4), np.uint8), np.full((4, 4), 10, np.uint8)), 2)
        28.13
    """
    if decoded.shape != true.shape:
        raise VideoError(f"PSNR compares pictures of one shape, got {decoded.shape} and {true.shape}; resize one")
    error = float(np.square(decoded.astype(np.float64) - true).mean())
    return 10 * math.log10(255**2 / max(error, 0.01))
