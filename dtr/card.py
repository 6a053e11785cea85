"""Model cards: Markdown made from what was measured, so that text and figures cannot drift apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dtr.model_info import ModelInfo

NOTE = """\
`fit` made the weights, `dev` stopped the training and chose the checkpoint,
`calibration` fitted calibration and thresholds, `test` made the table."""

VARIANTS = {"plain": "files as they are", "canonical": "both classes through one re-encoding"}

KINDS = {"fake": "generated", "real": "real"}

STYLISED = "stylised"
"""What manifests call content that no camera took as it is: animation, games, heavy filters."""

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
    lines += [sharing_text(training["data"]), ""] if training.get("data") else []
    metrics = training.get("metrics", {})
    lines += [
        "## Measured on the dev part",
        "",
        f"- chosen by `{metrics.get('chosen_by')}`: {_number(metrics.get('best'))}",
    ]
    lines += [f"- floor, {name}: {_number(f['value'])} ({f['name']})" for name, f in training.get("floor", {}).items()]
    lines += ["", f"Parameters: {training.get('parameters', 0):,}.", "", calibration_text(info), ""]
    lines += [*operating_lines(info), LIMITS]
    return "\n".join(lines)


def detector_card(info: ModelInfo) -> str:
    """Card of a whole detector: data, final table beside the floors, calibration, limits."""
    training = info.training
    lines = [f"# {info.model_id}", "", f"Heads: {', '.join(info.heads)}. Backbone: {info.backbone_id}.", ""]
    lines += ["## Data", "", *([training["about"], ""] if training["about"] else [])]
    lines += [*data_table(training["data"]), "", f"{sharing_text(training['data'])} {NOTE}", ""]
    lines += recipe_lines(training.get("recipe", {}))
    for variant, table in training["test"].items():
        lines += [f"## Measured on split '{training['test_split']}', {VARIANTS[variant]}", ""]
        lines += [*metric_table(table["metrics"]), "", *table["notes"], ""]
        if table.get("worst"):
            lines += [f"## Worst cases, split '{training['test_split']}', {VARIANTS[variant]}", ""]
            lines += worst_lines(table["worst"])
    lines += ["## Calibration", "", calibration_text(info), ""]
    lines += [*calibration_table(training.get("calibration", {})), *operating_lines(info)]
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


def sharing_text(parts: Mapping[str, Mapping[str, int]]) -> str:
    """Whether sources are in several of the parts.

    Example:
        >>> sharing_text({"fit": {"shared_sources": 0}, "dev": {"shared_sources": 0}})
        'No source is in two of the parts.'
    """
    shared = {name: row.get("shared_sources", 0) for name, row in parts.items()}
    if not any(shared.values()):
        return "No source is in two of the parts."
    return "Sources (generators, or sources of camera clips) that are in another part too: " + (
        ", ".join(f"{name} {count}" for name, count in shared.items()) + "."
    )


UNTOLD = {
    "trainer.enable_progress_bar",
    "trainer.enable_model_summary",
    "data.memory_gb",
    "data.num_workers",
}
"""Options that change nothing of what is learnt."""


def recipe_lines(recipe: Mapping[str, Any]) -> list[str]:
    """How every head was trained: its configuration, a first training if there was one, and the options of both.

    Example:
        >>> recipe_lines({"heads": {"box": "box.yaml"}, "seed": 0, "options": {"data.synth": 0.5}})[2]
        'Seed 0.'
        >>> recipe_lines({"heads": {"box": "box.yaml"}, "seed": 0, "options": {"data.synth": 0.5}})[-2]
        '| box | box.yaml | – | data.synth 0.5 |'
    """
    if not recipe.get("heads"):
        return []
    own, first, shared = (recipe.get(name, {}) for name in ("head_options", "pretrain", "options"))
    members = recipe.get("members", 1)
    mean = f" Every head is the mean of {members}, trained on the same clips with seeds of their own."
    lines = ["## Recipe", "", f"Seed {recipe['seed']}.{mean if members > 1 else ''}", ""]
    lines += ["| head | configuration | first trained with | trained with |", "|---" * 4 + "|"]
    for name, config in recipe["heads"].items():
        options = shared | own.get(name, {})
        before = _options(options | first[name]) if name in first else "–"
        lines.append(f"| {name} | {_cell(config)} | {before} | {_options(options)} |")
    return [*lines, ""]


def _options(options: Mapping[str, Any]) -> str:
    told = (f"{name} {value}" for name, value in options.items() if name not in UNTOLD)
    return _cell(", ".join(told) or "the configuration as it is")


def _cell(text: str) -> str:
    """One line that does not end the cell of a table it stands in."""
    return " ".join(text.split()).replace("|", "\\|")


def worst_lines(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """Markdown lines of `dtr.worst_cases.worst_cases`."""
    lines = [
        "Groups of clips, the worst first. The worst of many small groups is so by chance too: look at the intervals "
        "(exact for the share, as if clips were independent; by resampling for the AUROC of ten clips or more).",
        "",
    ]
    for table in tables:
        fake = table["label"] == "fake"
        share = "called fake" if fake else "called fake (false alarms)"
        head = f"| {table['by']} | {KINDS[table['label']]} clips | {share} | share | 95 % interval |"
        lines += [head + (" AUROC against all real clips |" if fake else "")]
        lines += ["|---" * (6 if fake else 5) + "|"]
        lines += [_worst_row(row, row["name"], fake) for row in table["rows"]]
        if table["others"]:
            number = table["others"]["groups"]
            lines += [_worst_row(table["others"], f"{number} other{'s' if number > 1 else ''}", fake)]
        lines.append("")
    marked = any(row["name"] == STYLISED for t in tables if t["label"] == "real" for row in t["rows"])
    unknown = "False alarms on stylised real content are not known: fewer than two real clips here are marked as such."
    return lines if marked else [*lines, unknown, ""]


def _worst_row(row: Mapping[str, Any], name: str, fake: bool) -> str:
    low, high = row["interval"]
    text = f"| {_cell(name)} | {row['n']} | {row['called_fake']} | {_number(row['called_fake'] / row['n'])} | "
    text += f"[{_number(low)}, {_number(high)}] |"
    if not fake:
        return text
    spread = row["auroc_interval"]
    return f"{text} {_number(row['auroc'])}" + (f" [{_number(spread[0])}, {_number(spread[1])}] |" if spread else " |")


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
    return "Calibrated on a part that was not trained on: " + "; ".join(parts) + "."


def calibration_table(quality: Mapping[str, Any]) -> list[str]:
    """Markdown lines of `dtr.detector_calibration.calibration_quality`; none without figures.

    Example:
        >>> row = {"n": 77, "n_positive": 48, "ece_before": 0.2, "ece_after": 0.1}
        >>> calibration_table({"scores": {"label": row | {"brier_before": 0.3, "brier_after": 0.25}}})[-2]
        '| label | 77 | 48 | 0.200 | 0.100 | 0.300 | 0.250 |'
    """
    scores = quality.get("scores", {})
    if not scores:
        return []
    lines = ["On the dev part, which chose the checkpoints but not the calibration, before and after it:", ""]
    lines += ["| scores | n | positive | ECE before | ECE after | Brier before | Brier after |", "|---" * 7 + "|"]
    for target, row in scores.items():
        figures = [row[f"{name}_{when}"] for name in ("ece", "brier") for when in ("before", "after")]
        lines.append(f"| {target} | {row['n']} | {row['n_positive']} | {' | '.join(map(_number, figures))} |")
    return [*lines, ""]


def operating_lines(info: ModelInfo) -> list[str]:
    """What the abstain band does on the dev part, and which operating points the calibration clips support."""
    lines = []
    band = info.training.get("calibration", {}).get("abstain")
    if band:
        lines += [
            f"Can't tell: {band['share']:.1%} of {band['n']} dev clips lie in the abstain band. Wrong labels: "
            f"{_number(band['error_answered'])} of the answered, {_number(band['error_unsure'])} of those in the band; "
            f"area under the risk-coverage curve {_number(band['aurc'])}.",
            "",
        ]
    real, fake = (len(info.operating.get(name, ())) for name in ("real_logits", "fake_logits"))
    if real:
        lines += [
            f"Operating points: {real} real and {fake} generated calibration clips, so `--fpr` goes down to "
            f"{math.ceil(1e4 / real) / 1e4:g}.",
            "",
        ]
    return lines


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"
