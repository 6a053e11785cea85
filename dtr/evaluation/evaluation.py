"""The result of an evaluation, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dtr.evaluation.compared import Compared
from dtr.evaluation.figures import Figure
from dtr.evaluation.items import Item
from dtr.evaluation.paper import PAPER_METRICS, WITHOUT_ACCURACY

SCHEMA = 1
Block = Mapping[str, Compared]


@dataclass(frozen=True)
class Evaluation:
    """Everything measured on one set of answers.

    Attributes:
        items: the videos with their answers, in the order of the annotations.
        paper, per_video: 0–100; accuracies per row as in the paper, or per video as in the public explorer.
        label: real/fake figures in [0, 1].
        own, oracle: place, time, candidates and categories under the model's own and under oracle labels; in [0, 1],
            `onset_error_s` in seconds.
        coverage: counts.
        slices, curves, confusion, operating: plain JSON types.
        notes: what a reader must know, a sentence each.
        provenance: hashes, split, ids, versions.
    """

    items: tuple[Item, ...]
    paper: Block
    per_video: Block
    label: Block
    own: Block
    oracle: Block
    coverage: dict[str, Any]
    slices: list[dict[str, Any]] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)
    confusion: dict[str, Any] = field(default_factory=dict)
    operating: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def blocks(self) -> dict[str, Block]:
        """Every block of figures by its name in the JSON form."""
        return {
            "paper": self.paper,
            "per_video": self.per_video,
            "label": self.label,
            "own": self.own,
            "oracle": self.oracle,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types.

        `paper` and `per_video` hold plain numbers on the 0–100 scale, null where one cannot be computed; `beyond` the
        other figures in [0, 1]: those of real/fake by their names, those of place, time and category once per policy.
        `intervals`, `floors` (with the gain over them) and `coverage.rows` have the same keys. `reasons` says by block
        why a figure is null; there, those of real/fake are "label".
        """
        return {
            "schema": SCHEMA,
            "paper": _values(self.paper, (*PAPER_METRICS, WITHOUT_ACCURACY)),
            "per_video": _values(self.per_video, (*PAPER_METRICS, WITHOUT_ACCURACY)),
            "beyond": _values(self.label) | {policy: _values(block) for policy, block in self._policies().items()},
            "floors": self._by_block(lambda c: c.floor_json() if c.floors else None),
            "intervals": self._by_block(lambda c: None if c.model.interval is None else list(c.model.interval)),
            "reasons": self._reasons(),
            "coverage": self.coverage | {"rows": self._by_block(lambda c: {"n": c.model.n, "unit": c.model.unit})},
            "operating": self.operating,
            "slices": self.slices,
            "curves": self.curves,
            "confusion": self.confusion,
            "notes": list(self.notes),
            "provenance": self.provenance,
        }

    def _policies(self) -> dict[str, Block]:
        return {"own": self.own, "oracle": self.oracle}

    def _by_block(self, of: Any) -> dict[str, Any]:
        """One value per figure: paper, per_video, and beyond in the shape of the key `beyond`."""
        found: dict[str, Any] = {name: _each(block, of) for name, block in self.blocks.items()}
        beyond = found.pop("label") | {policy: found.pop(policy) for policy in ("own", "oracle")}
        return found | {"beyond": beyond}

    def _reasons(self) -> dict[str, Any]:
        """Why a figure is null, for those that are."""
        blocks = {name: _each(block, lambda c: c.model.reason or None) for name, block in self.blocks.items()}
        return {name: {k: v for k, v in reasons.items() if v} for name, reasons in blocks.items()}


def _values(block: Block, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    return {name: _number(block[name].model) for name in names or block}


def _each(block: Block, of: Any) -> dict[str, Any]:
    return {name: of(compared) for name, compared in block.items()}


def _number(figure: Figure) -> float | None:
    return figure.value
