"""A camera clip as a pseudo-fake, as steps for a backbone, in memory."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dtr.augment import load_augmented_steps
from dtr.planted import Planted
from dtr.pseudo.frames import load_faker, pseudo_frames
from dtr.steps import ClipSteps

DRAWS = 2_000_000
"""Added to k, so that the k-th pseudo-fake shares no random numbers with the k-th augmented variant."""


def load_pseudo_steps(networks: Path, path: Path, k: int, **how: Any) -> ClipSteps:
    """The k-th pseudo-fake of a clip; same arguments, same bytes. Its `planted` says that it is a fake.

    Args:
        networks: folder written by `dtr.pseudo.run.train_autoencoders`.
        path: of a camera clip.
        k: number of the variant, ≥ 1.
        how: other arguments of `dtr.augment.load_augmented_steps`: size, codec and the like change as for clips that
            are no pseudo-fakes.

    Raises:
        DetectorError: the folder holds no networks, or a damaged one.
        VideoError, LimitError, ConfigError: as `load_augmented_steps`.
    """
    change = partial(_through, networks)
    steps = load_augmented_steps(path, k=DRAWS + k, change=change, **how)
    return replace(steps, planted=Planted(fake=True))


def _through(networks: Path, frames: Any, rng: Any) -> Any:
    return pseudo_frames(frames, load_faker(networks), rng)
