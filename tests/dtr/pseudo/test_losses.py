from __future__ import annotations

import numpy as np
import pytest
import torch

from dtr.errors import VideoError
from dtr.pseudo.losses import fine_detail, psnr_db, reconstruction_loss


def grain(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 1, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 0.2


def test_reconstruction_loss__is_zero_only_for_the_original() -> None:
    assert reconstruction_loss(grain(), grain(), edges=1.0, detail=1.0).item() == 0
    assert reconstruction_loss(grain() + 0.1, grain(), edges=0.0, detail=0.0).item() == pytest.approx(0.1, rel=1e-4)


def test_reconstruction_loss__edges_count_differences_only() -> None:
    true = torch.zeros(1, 1, 3, 16, 16)
    stripes = true.clone()
    stripes[..., ::2] = 0.2
    flat = reconstruction_loss(true + 0.1, true, edges=1.0, detail=0.0)
    assert flat.item() == pytest.approx(0.1)
    assert reconstruction_loss(stripes, true, edges=1.0, detail=0.0).item() == pytest.approx(0.1 + 0.5 * 0.2)


def test_reconstruction_loss__detail_prefers_grain_of_the_right_amount_to_blur() -> None:
    true, other, blurred = grain(0), grain(1), torch.zeros(1, 1, 3, 32, 32)

    def amount(decoded: torch.Tensor) -> float:
        with_it = reconstruction_loss(decoded, true, edges=0.0, detail=1.0)
        return (with_it - reconstruction_loss(decoded, true, edges=0.0, detail=0.0)).item()

    assert amount(other) < 0.3 * amount(blurred)


def test_fine_detail__grows_with_contrast_and_ignores_slopes() -> None:
    slope = torch.linspace(-1, 1, 64).repeat(64, 1)[None, None]
    assert fine_detail(slope)[..., 1:-1].max() < 1e-4
    assert fine_detail(2 * grain()[0]).mean() == pytest.approx(2 * fine_detail(grain()[0]).mean().item(), rel=1e-4)


def test_psnr__matches_its_formula_and_refuses_other_shapes() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (5, 6, 3), dtype=np.uint8) for _ in range(2))
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    assert psnr_db(a, b) == pytest.approx(20 * np.log10(255) - 10 * np.log10(error))
    assert psnr_db(a, a) == pytest.approx(68.13, abs=0.01)
    with pytest.raises(VideoError, match="one shape"):
        psnr_db(a, b[:4])
