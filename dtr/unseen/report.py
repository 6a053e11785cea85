"""The table of unseen generators as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dtr.unseen.table import GENERATOR_FIGURES, REAL_FIGURES, WORSE_HIGH

SHOWN = ("auroc", "fake_accuracy", "box_iou", "time_distance", "tiou")
"""Figures of the table by generator; all are in `table.json`."""

ABOUT = """\
Every clip under "unseen" was answered by a detector that was trained, tuned and calibrated without its generator or
camera source; "seen" are clips of sources that the same detectors were trained on, themselves not trained on. Mean, sd
and worst are over groups of clips (a generator, or the small ones together), each counting once. "Lost" is how much
worse unseen is than seen, over the groups that have both. AUROC and balanced accuracy set a group against the real
clips of its fold and side. Box and time are scored under oracle labels: every annotated generated clip is answered. The
floor is the best constant answer fitted on the same training clips, "gain" what the detector adds to it. Brackets: 95 %
intervals by resampling groups."""


def report(table: Mapping[str, Any]) -> str:
    """Markdown of a table that `dtr.unseen.run` made."""
    held = {"generators": "generators", "real-sources": "real sources", "both": "generators and real sources"}
    recipe = table["recipe"]
    title = f"# Unseen {held[recipe['leave']]}"
    lines = [title, "", ABOUT, "", *summary_lines(table["summary"]), ""]
    lines += _category_lines(table["categories"])
    lines += ["## By generator", "", *_generator_lines(table["generators"]), ""]
    lines += ["## Real sources", "", *summary_lines(table["real_summary"], REAL_FIGURES), ""]
    lines += [*_real_lines(table["real_sources"]), ""]
    lines += ["## Folds", "", *_fold_lines(table["folds"]), ""]
    lines += [
        f"Heads: {', '.join(recipe['heads'])}. Features: {table['features']['backbone_id']}. Splits: "
        f"{', '.join(recipe['splits'])}. Seeds: {', '.join(map(str, recipe['seeds']))}. Groups have at least "
        f"{table['min_clips']} clips. Annotations: {table['annotations_sha256'][:12]}. dtr {table['dtr']}.",
        "",
    ]
    return "\n".join(lines)


def summary_lines(summary: Mapping[str, Any], figures: tuple[str, ...] = GENERATOR_FIGURES) -> list[str]:
    """One row per figure: unseen beside seen, and what is lost."""
    lines = [
        "| figure | unseen: mean ± sd | worst | groups | n | floor | gain over floor | seen: mean ± sd | lost |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in figures:
        row = summary[name]
        unseen, seen = row["unseen"], row["seen"]
        worst = "–" if unseen["worst"] is None else f"{number(unseen['worst'])} ({unseen['worst_group']})"
        floor = "–" if unseen["floor"] is None else f"{number(unseen['floor'])} ({row['floor_name']})"
        cells = [f"{name} {'↓' if name in WORSE_HIGH else '↑'}", _spread(unseen), worst, unseen["groups"], unseen["n"]]
        cells += [floor, _interval(unseen["gain"]), _spread(seen), _interval(row["gap"])]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def number(value: float | None) -> str:
    """Three decimals, or a dash.

    Example:
        >>> number(0.5), number(None)
        ('0.500', '–')
    """
    return "–" if value is None else f"{value:.3f}"


def _spread(side: Mapping[str, Any]) -> str:
    return number(side["mean"]) + ("" if side["std"] is None else f" ± {side['std']:.3f}")


def _interval(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    ends = figure["interval"]
    return f"{figure['value']:+.3f}" + (f" [{ends[0]:+.3f}, {ends[1]:+.3f}]" if ends else "")


def _category_lines(categories: Mapping[str, Any]) -> list[str]:
    if not categories:
        return []
    cells = [
        f"{side} {row['map']:.3f} (one score for all: {row['constant']:.3f}; {row['rows']} tagged traces)"
        for side, row in categories.items()
    ]
    return [f"Categories inside annotated traces, mean average precision: {'; '.join(cells)}.", ""]


def _generator_lines(groups: Mapping[str, Any]) -> list[str]:
    heads = [f"{name} {'↓' if name in WORSE_HIGH else '↑'}" for name in SHOWN]
    lines = [
        "Unseen, then seen in brackets; for box and time the floor after the stroke.",
        "",
        f"| group | clips | rows | {' | '.join(heads)} |",
        "|---" * (len(heads) + 3) + "|",
    ]
    for name, group in groups.items():
        rows = max((cell["n"] for f, cell in group["unseen"]["model"].items() if f in ("box_iou", "tiou")), default=0)
        label = name if group["sources"] == 1 else f"{name} ({group['sources']} sources)"
        cells = [label, group["unseen"]["answers"], rows, *(_both(group, figure) for figure in SHOWN)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _both(group: Mapping[str, Any], name: str) -> str:
    """Unseen, the floor beside it, and seen."""
    model, floor = group["unseen"]["model"].get(name), group["unseen"]["floor"].get(name)
    seen = group["seen"]["model"].get(name)
    text = number(model["value"] if model else None)
    text += f" / {floor['value']:.3f}" if floor else ""
    return text + (f" ({seen['value']:.3f})" if seen else "")


def _real_lines(groups: Mapping[str, Any]) -> list[str]:
    lines = ["| real source | clips | false alarms ↓ (seen) | mean score of fake ↓ (seen) |", "|---|---|---|---|"]
    for name, group in groups.items():
        label = name if group["sources"] == 1 else f"{name} ({group['sources']} sources)"
        cells = [label, group["unseen"]["answers"], *(_both(group, figure) for figure in REAL_FIGURES)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _fold_lines(folds: list[Mapping[str, Any]]) -> list[str]:
    names = ("fit", "dev", "calibration", "unseen", "seen")
    lines = [f"| fold | {' | '.join(names)} | left out | held out |", "|---" * (len(names) + 3) + "|"]
    for fold in folds:
        parts = [f"{fold['parts'][n]['fake']} + {fold['parts'][n]['real']}" for n in names]
        lines.append(f"| {fold['fold']} | {' | '.join(parts)} | {fold['left_out']} | {', '.join(fold['held_out'])} |")
    lines += ["", "Clips as generated + real."]
    lines += [f"{fold['fold']}: {note}" for fold in folds for note in fold["notes"]]
    swapped = [f["fold"] for f in folds if f["ranked_against"]["unseen"] == "seen"]
    if swapped:
        lines.append(f"AUROC of unseen generators against real clips of seen sources in {', '.join(swapped)}.")
    return lines
