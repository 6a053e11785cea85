"""All mechanisms, by category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dtr.errors import ConfigError
from dtr.traces import (
    background_distortion,
    blurring,
    disappearance,
    distortion,
    merging,
    redundant,
    splitting,
    trajectory,
    unexpected_move,
)
from dtr.traces.mechanism import Mechanism

TRACES_VERSION = 3
"""Raised when a mechanism changes what it paints: features of older traces are then made again."""

Use = Literal["trained", "held-out", "all"]

MECHANISMS: tuple[Mechanism, ...] = (
    *distortion.MECHANISMS,
    *blurring.MECHANISMS,
    *trajectory.MECHANISMS,
    *redundant.MECHANISMS,
    *merging.MECHANISMS,
    *splitting.MECHANISMS,
    *background_distortion.MECHANISMS,
    *disappearance.MECHANISMS,
    *unexpected_move.MECHANISMS,
)
"""Every mechanism, in the order of `dtr.annotation.CATEGORIES`."""

BY_NAME: dict[str, Mechanism] = {m.name: m for m in MECHANISMS}


def choose(names: Sequence[str] = (), use: Use = "all") -> tuple[Mechanism, ...]:
    """Mechanisms by name or by use.

    Args:
        names: of mechanisms or categories; empty = all of that use.
        use: "trained" = those that training may use, "held-out" = those that it may not, "all" = both.

    Raises:
        ConfigError: a name that is neither, or no mechanism is left.

    Example:
        >>> [m.name for m in choose(["Object Distortion"], "held-out")]
        ['swell']
    """
    categories = {m.category for m in MECHANISMS}
    for name in names:
        if name not in BY_NAME and name not in categories:
            raise ConfigError(
                f"expected names of mechanisms or categories, got '{name}'; mechanisms: {', '.join(BY_NAME)}"
            )
    wanted = [m for m in MECHANISMS if not names or m.name in names or m.category in names]
    chosen = tuple(m for m in wanted if use == "all" or m.held_out == (use == "held-out"))
    if not chosen:
        raise ConfigError(f"no mechanism of {', '.join(names)} is {use}; choose others, or use all")
    return chosen
