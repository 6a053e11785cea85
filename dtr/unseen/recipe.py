"""What `dtr evaluate-unseen` is told: which heads, on which splits, in how many folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dtr.errors import ConfigError
from dtr.fit import read_mapping

Leave = Literal["generators", "real-sources", "both"]

LEAVE: tuple[Leave, ...] = ("generators", "real-sources", "both")
DECIDED = (
    "parts_file",
    "train_split",
    "dev_split",
    "test_split",
    "dev_fraction",
    "calibration_fraction",
    "cut",
    "seed",
)
"""Options of the data that the folds decide, which a recipe's `options` may not set."""


@dataclass(frozen=True)
class UnseenRecipe:
    """What to train and what to hold out.

    Attributes:
        heads: configuration by head name (shipped ones by their name in the repository).
        seeds: of weights, order and folds; every seed is a whole cross-validation of its own.
        splits: only videos of these splits are trained on or measured.
        folds: how many groups of sources are held out in turn; "all" = every source by itself.
        leave: which kind of source is held out.
        min_clips: generators and real sources with fewer clips are put together as "small ones" in the table.
        seen_fraction: share of a fold's fit clips that is taken out again, to measure generators that were seen.
        dev_fraction, calibration_fraction: of what a fold does not hold out, by source.
        options: further options of `dtr fit`, for every head, for example {"trainer.max_epochs": 2}.
    """

    heads: dict[str, str]
    seeds: tuple[int, ...] = (0,)
    splits: tuple[str, ...] = ("train",)
    folds: int | Literal["all"] = 5
    leave: Leave = "both"
    min_clips: int = 3
    seen_fraction: float = 0.2
    dev_fraction: float = 0.15
    calibration_fraction: float = 0.15
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks = {
            "heads (text by name)": all(isinstance(v, str) for v in self.heads.values()),
            "seeds (whole numbers, each once)": _distinct(self.seeds, int),
            "splits (text, each once)": _distinct(self.splits, str),
            "folds (a whole number above 1, or all)": self.folds == "all" or (_is_whole(self.folds) and self.folds > 1),
            f"leave ({', '.join(LEAVE)})": self.leave in LEAVE,
            "min_clips (a whole number above 0)": _is_whole(self.min_clips) and self.min_clips > 0,
            "seen_fraction (in (0, 1))": _is_share(self.seen_fraction),
            "dev_fraction (in (0, 1))": _is_share(self.dev_fraction),
            "calibration_fraction (in (0, 1))": _is_share(self.calibration_fraction),
            "options (a mapping)": isinstance(self.options, Mapping),
        }
        wrong = [text for text, fine in checks.items() if not fine]
        if wrong:
            name = wrong[0].partition(" ")[0]
            raise ConfigError(f"unseen: expected {wrong[0]}, got {getattr(self, name)!r:.80}; mend the configuration")
        if self.dev_fraction + self.calibration_fraction >= 1:
            raise ConfigError("unseen: expected dev_fraction and calibration_fraction to leave clips to train on")
        decided = sorted(set(self.options) & {f"data.{name}" for name in DECIDED})
        if decided:
            raise ConfigError(f"unseen: expected options that the folds do not decide, got {', '.join(decided)}")

    @classmethod
    def load(cls, path: str, **given: Any) -> UnseenRecipe:
        """Read a recipe.

        Args:
            path: YAML file, or the name of a shipped one.
            given: values that replace those of the file; None = keep the file's.

        Raises:
            ConfigError: not a mapping, an unknown key, no heads, or a value that does not fit.
        """
        data = read_mapping(path, cls.__dataclass_fields__, "heads") | {k: v for k, v in given.items() if v is not None}
        for name in ("seeds", "splits"):
            if isinstance(data.get(name), list):
                data[name] = tuple(data[name])
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"seeds": list(self.seeds), "splits": list(self.splits)}


def _distinct(values: Any, kind: type) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and len(values) > 0
        and all(isinstance(v, kind) and not isinstance(v, bool) for v in values)
        and len(set(values)) == len(values)
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 < value < 1
