"""Which part of a recipe helps: rows that change one thing each, trained with several seeds, measured side by side.

Nothing is measured on a test split. Every seed cuts the training split anew, by source; a row is measured on the
calibration part of that cut, whose sources gave no gradient and chose no checkpoint. (Calibration moves scores, not
their order, and none of the figures here depends on it.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dtr.batch_run import write_text_atomically
from dtr.collect import run_heads
from dtr.errors import ConfigError
from dtr.final_table import final_table
from dtr.fit import read_mapping
from dtr.train_all import Recipe, data_module, train_detector

HEADS = "heads"
"""Folder of the heads' runs, which rows share."""

FIGURES_FILE = "figures.json"
TABLE_FILES = ("table.json", "table.md")

SHOWN = {
    "video_auroc": "AUROC",
    "box_iou": "box IoU",
    "time_distance": "time distance",
    "tiou": "tIoU",
    "viou": "vIoU",
    "category_map": "category mAP",
}
"""Columns of the table; all but the time distance: more is better."""


@dataclass(frozen=True)
class Row:
    """One line of an ablation.

    Attributes:
        heads: names of the recipe's heads to train; empty = all. The one that tells real from fake must be there.
        cache: folder of features, below the one given to the run; empty = that one itself.
        options, head_options, pretrain: as of `dtr.train_all.Recipe`; laid over the base recipe's. A head that
            `pretrain` sets to null is trained from random weights.
        note: what the row asks, for the table.
    """

    heads: tuple[str, ...] = ()
    cache: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    head_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    pretrain: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Ablation:
    """What to compare.

    Attributes:
        recipe: the base, a file that `dtr train-all` takes.
        rows: by name; the first one is what the others are compared with.
        seeds: of weights, order and the cut of the training split.
        options: for every row, for example fewer epochs.
    """

    recipe: str
    rows: dict[str, Row]
    seeds: tuple[int, ...] = (0, 1, 2)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str) -> Ablation:
        """Read an ablation from YAML.

        Raises:
            ConfigError: not a mapping, an unknown key, no rows, or a seed twice.
        """
        data = read_mapping(path, cls.__dataclass_fields__, "rows")
        rows = {str(name): _row(path, str(name), row or {}) for name, row in data["rows"].items()}
        seeds = tuple(data.get("seeds", (0, 1, 2)))
        if not seeds or len(set(seeds)) < len(seeds) or not all(isinstance(s, int) and s >= 0 for s in seeds):
            raise ConfigError(f"{path}: seeds must be different whole numbers of 0 or more, got {list(seeds)}")
        if not isinstance(data.get("recipe"), str):
            raise ConfigError(f"{path}: expected the key 'recipe' with the file of the base recipe, got none")
        return cls(data["recipe"], rows, seeds, dict(data.get("options") or {}))

    def recipe_of(self, row: Row, seed: int) -> Recipe:
        """The base recipe with a row's changes; one member of every head, as the seeds show the spread already."""
        base = Recipe.load(self.recipe)
        unknown = sorted(set(row.heads) - set(base.heads))
        if unknown:
            raise ConfigError(f"{self.recipe}: expected heads {', '.join(base.heads)}, got {unknown} in a row")
        heads = {name: config for name, config in base.heads.items() if not row.heads or name in row.heads}
        pretrain = {name: own for name, own in (base.pretrain | row.pretrain).items() if own is not None}
        own = {name: base.head_options.get(name, {}) | row.head_options.get(name, {}) for name in heads}
        return replace(
            base,
            members=1,
            heads=heads,
            seed=seed,
            options=base.options | self.options | row.options,
            head_options=own,
            pretrain={name: options for name, options in pretrain.items() if name in heads},
        )


def _row(path: str, name: str, row: Any) -> Row:
    known = Row.__dataclass_fields__
    unknown = sorted(set(row) - set(known)) if isinstance(row, dict) else [str(row)]
    if unknown:
        raise ConfigError(f"{path}: row '{name}' has unknown keys {unknown}; known: {', '.join(known)}")
    return Row(**(row | {"heads": tuple(row.get("heads", ()))}))


def run_ablation(
    ablation: Ablation,
    data: str,
    cache: Path,
    out: Path,
    names: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Train and measure rows; what is finished is not done again.

    Args:
        ablation: what to compare. data: annotated data set. cache: features, or a folder of such folders.
        out: folder of the run: `<row>/<seed>/figures.json`, and the table of all finished rows.
        names: of the rows to do now; empty = all.
        say: told what happens, a line at a time.

    Raises:
        ConfigError: no such row, or a folder holds a run of another recipe.
    """
    unknown = sorted(set(names) - set(ablation.rows))
    if unknown:
        raise ConfigError(f"expected rows among {', '.join(ablation.rows)}, got {', '.join(unknown)}")
    for name in names or ablation.rows:
        for seed in ablation.seeds:
            folder = out / name / str(seed)
            if not (folder / FIGURES_FILE).is_file():
                say(f"{name}, seed {seed}")
                figures = _measured(ablation, ablation.rows[name], seed, data, cache, out / HEADS)
                folder.mkdir(parents=True, exist_ok=True)
                write_text_atomically(folder / FIGURES_FILE, json.dumps(figures, indent=1, allow_nan=False) + "\n")
    table = summary(ablation, out)
    write_text_atomically(out / TABLE_FILES[0], json.dumps(table, indent=1, allow_nan=False) + "\n")
    write_text_atomically(out / TABLE_FILES[1], table_text(table))
    return table


def _measured(ablation: Ablation, row: Row, seed: int, data: str, cache: Path, heads: Path) -> dict[str, Any]:
    """Figures of one row and seed on the part that calibrates; heads that rows have in common are trained once."""
    recipe = ablation.recipe_of(row, seed)
    module = data_module(recipe, data, str(cache / row.cache), test=False)
    trained = train_detector(recipe, module, heads, shared=True)
    module.parts["test"] = module.parts["calibration"]
    results = list(run_heads(trained.heads, module.part("test"), trained.info.backbone_id))
    metrics = final_table(trained.info, results, module, canonical=False)["metrics"]
    return {name: {"value": m["value"], "floor": m.get("floor"), "n": m["n"]} for name, m in metrics.items()}


def summary(ablation: Ablation, out: Path) -> dict[str, Any]:
    """Mean and standard deviation over seeds of every finished row, and its paired difference to the first row."""
    found = {name: _finished(ablation, out / name) for name in ablation.rows}
    first = found[next(iter(ablation.rows))]
    rows = {}
    for name, by_seed in found.items():
        columns = {}
        for metric in SHOWN:
            values = {s: f[metric]["value"] for s, f in by_seed.items() if f.get(metric, {}).get("value") is not None}
            base = {s: f[metric]["value"] for s, f in first.items() if f.get(metric, {}).get("value") is not None}
            floors = [f[metric]["floor"] for s, f in by_seed.items() if s in values and f[metric]["floor"] is not None]
            if values:
                apart = [values[s] - base[s] for s in values if s in base]
                columns[metric] = _spread(list(values.values())) | {
                    "floor": float(np.mean(floors)) if floors else None,
                    "apart": _spread(apart) if apart and by_seed is not first else None,
                }
        rows[name] = {"note": ablation.rows[name].note, "metrics": columns}
    return {"recipe": ablation.recipe, "seeds": list(ablation.seeds), "options": ablation.options, "rows": rows}


def _finished(ablation: Ablation, folder: Path) -> dict[int, Mapping[str, Any]]:
    files = {seed: folder / str(seed) / FIGURES_FILE for seed in ablation.seeds}
    return {seed: json.loads(file.read_text(encoding="utf-8")) for seed, file in files.items() if file.is_file()}


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "n": len(values),
    }


def table_text(table: Mapping[str, Any]) -> str:
    """The table in Markdown: mean ± standard deviation over seeds; in brackets the floor of the first row.

    Example:
        >>> table_text({"rows": {"base": {"note": "", "metrics": {"tiou": {"mean": 0.5, "sd": 0.1, "floor": 0.4}}}}})
        '| row | tIoU | |\\n|---|---|---|\\n| base | 0.500 ± 0.100 (floor 0.400) |  |\\n'
    """
    used = [m for m in SHOWN if any(m in row["metrics"] for row in table["rows"].values())]
    lines = ["| row | " + " | ".join([*(SHOWN[m] for m in used), ""]) + "|", "|" + "---|" * (len(used) + 2)]
    for name, row in table["rows"].items():
        cells = [_cell(row["metrics"].get(m)) for m in used]
        lines.append("| " + " | ".join([name, *cells, row["note"]]) + " |")
    return "\n".join(lines) + "\n"


def _cell(column: Mapping[str, Any] | None) -> str:
    if column is None:
        return "–"
    spread = "" if column["sd"] is None else f" ± {column['sd']:.3f}"
    floor = "" if column["floor"] is None else f" (floor {column['floor']:.3f})"
    return f"{column['mean']:.3f}{spread}{floor}"
