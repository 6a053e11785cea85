"""Frames of a camera clip as a pseudo-fake; torch is imported only when a folder of networks is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import MissingExtraError
from dtr.pseudo.files import networks_digest, read_infos

if TYPE_CHECKING:
    from dtr.pseudo.faker import PseudoFaker

WHOLE_P = 0.5
"""Probability that a clip is replaced by its reconstruction altogether; else the two are blended."""

LEAST_STRENGTH = 0.5
"""Least share of the reconstruction in a blend: below, little but the camera's own noise is left to see."""


@dataclass(frozen=True)
class PseudoPlan:
    """What happens to one clip, the same for all its frames and everywhere in them.

    Attributes:
        family: of network.
        strength: share of the reconstruction, in [0.5, 1].
        phase: place of the first frame in its group, for families that code several frames together; 0, 1 or 2.
    """

    family: str
    strength: float = 1.0
    phase: int = 0


def draw_plan(families: Sequence[str], rng: np.random.Generator) -> PseudoPlan:
    """What will happen to a clip; always uses up the same random numbers.

    Args:
        families: to choose from, each equally likely; at least one.
        rng: of the clip.

    Example:
        >>> draw_plan(("nearest", "temporal"), np.random.default_rng(0))
        PseudoPlan(family='temporal', strength=1.0, phase=1)
    """
    family = families[int(rng.integers(len(families)))]
    whole, blend, phase = rng.random(), float(rng.uniform(LEAST_STRENGTH, 1.0)), int(rng.integers(3))
    return PseudoPlan(family, 1.0 if whole < WHOLE_P else blend, phase)


def pseudo_frames(frames: NDArray[np.uint8], faker: PseudoFaker, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Frames of one clip through a network and at a strength that are drawn once for the clip.

    Args:
        frames: (N, H, W, 3) uint8 RGB in order of time; N = 0 gives 0 frames.
        faker: from `load_faker`.
        rng: of the clip.

    Returns:
        The same shape, a new array.

    Raises:
        VideoError: `frames` are not of that shape and type.
    """
    plan = draw_plan(faker.families, rng)
    return faker.apply(frames, plan.family, strength=plan.strength, phase=plan.phase)


def pseudo_parts(folder: Path) -> dict[str, Any]:
    """What decides a pseudo-fake's pixels besides its clip and seed: a part of the key of cached features.

    Args:
        folder: of networks.

    Raises:
        DetectorError: the folder holds no networks, or a damaged one.
    """
    digest = networks_digest(read_infos(folder))
    return {"networks": digest, "whole_p": WHOLE_P, "least_strength": LEAST_STRENGTH}


@lru_cache(maxsize=2)
def load_faker(folder: Path) -> PseudoFaker:
    """The networks of a folder, loaded once per process; a worker that is never asked for one never imports torch.

    Args:
        folder: written by `dtr.pseudo.run.train_autoencoders`.

    Raises:
        DetectorError: the folder holds no networks, or a damaged one.
        MissingExtraError: torch or safetensors is not installed.
    """
    try:
        from dtr.pseudo.faker import PseudoFaker
    except ImportError as error:
        raise MissingExtraError(
            f"pseudo-fakes need torch and safetensors, got '{error}'; run: pip install 'dtr-video[train]'"
        ) from error
    return PseudoFaker.load(folder)
