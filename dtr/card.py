"""Model cards: Markdown made from what was measured, so that text and figures cannot drift apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dtr.model_info import ModelInfo

NOTE = """\
No source is in two of the parts. `fit` made the weights, `dev` stopped the training and chose the checkpoint,
`calibration` fitted calibration and thresholds, `test` made the table."""

VARIANTS = {"plain": "files as they are", "canonical": "both classes through one re-encoding"}

LIMITS = """\
## What it must not be used for

- As proof. A score is a hint for a person who looks; generators that came after the training data may pass unseen.
- For decisions about people (moderation, employment, law) without a human review of the marked places.
- On stylised real content (animation, games, heavy filters): it was trained on camera footage as "real".
- A REAL verdict does not mean that a video is authentic: edits, cuts and captions are not what it looks for.
"""


def head_card(info: ModelInfo) -> str:
    """Card of a detector with one head: what it was trained on and its validation metric beside the floor."""
    training = info.training
    lines = [f"# {info.model_id}", "", f"Heads: {', '.join(info.heads)}. Backbone: {info.backbone_id}.", ""]
    lines += ["## Data", "", *data_table(training.get("data", {})), ""]
    metrics = training.get("metrics", {})
    lines += [
        "## Measured on the dev part",
        "",
        f"- chosen by `{metrics.get('chosen_by')}`: {_number(metrics.get('best'))}",
    ]
    lines += [f"- floor, {name}: {_number(f['value'])} ({f['name']})" for name, f in training.get("floor", {}).items()]
    lines += ["", f"Parameters: {training.get('parameters', 0):,}.", "", calibration_text(info), "", LIMITS]
    return "\n".join(lines)


def detector_card(info: ModelInfo) -> str:
    """Card of a whole detector: data, final table beside the floors, calibration, limits."""
    training = info.training
    lines = [f"# {info.model_id}", "", f"Heads: {', '.join(info.heads)}. Backbone: {info.backbone_id}.", ""]
    lines += ["## Data", "", *([training["about"], ""] if training["about"] else [])]
    lines += [*data_table(training["data"]), "", NOTE, ""]
    for variant, table in training["test"].items():
        lines += [f"## Measured on split '{training['test_split']}', {VARIANTS[variant]}", ""]
        lines += [*metric_table(table["metrics"]), "", *table["notes"], ""]
    lines += ["## Calibration", "", calibration_text(info), ""]
    lines += [f"Thresholds: {', '.join(f'{k} {_threshold(v)}' for k, v in info.thresholds.items())}.", "", LIMITS]
    return "\n".join(lines)


def _threshold(value: Any) -> str:
    return " to ".join(f"{v:.2f}" for v in value) if isinstance(value, list | tuple) else f"{value:.3f}"


def data_table(parts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One Markdown row per part of the data.

    Example:
        >>> data_table({"fit": {"videos": 3, "fake": 2}})
        ['| part | videos | fake |', '|---|---|---|', '| fit | 3 | 2 |']
    """
    if not parts:
        return ["(no data recorded)"]
    columns = list(next(iter(parts.values())))
    head = f"| part | {' | '.join(columns)} |"
    rows = [f"| {name} | {' | '.join(str(row[c]) for c in columns)} |" for name, row in parts.items()]
    return [head, "|---" * (len(columns) + 1) + "|", *rows]


def metric_table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Markdown table of metrics: value, interval, floor, gain over the floor with its interval.

    Args:
        rows: metric → {"value", "interval", "floor", "floor_name", "gain", "gain_interval", "n"}; any may be missing.
    """
    lines = ["| metric | model | 95 % interval | floor | gain over the floor | n |", "|---|---|---|---|---|---|"]
    for name, row in rows.items():
        floor = f"{_number(row.get('floor'))} ({row.get('floor_name')})" if row.get("floor") is not None else "–"
        gain = _number(row.get("gain"))
        if row.get("gain_interval"):
            gain += f" [{_number(row['gain_interval'][0])}, {_number(row['gain_interval'][1])}]"
        interval = row.get("interval")
        spread = f"[{_number(interval[0])}, {_number(interval[1])}]" if interval else "–"
        lines.append(f"| {name} | {_number(row.get('value'))} | {spread} | {floor} | {gain} | {row.get('n', '–')} |")
    return lines


def calibration_text(info: ModelInfo) -> str:
    """What is calibrated, on how many examples, for which prior."""
    if not info.calibration:
        return "Scores are not calibrated."
    parts = [
        f"{target} on {c['n']} examples ({c['n_positive']} positive, prior {c['prior']:.2f})"
        for target, c in info.calibration.items()
    ]
    return "Calibrated on a source-disjoint part that was not trained on: " + "; ".join(parts) + "."


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"
