"""`dtr reward --twins`: the reward of clean twins beside that of the same clips with a trace put in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dtr.cli.outputs import check_output, write_output
from dtr.cli.progress import progress
from dtr.inputs import Input

if TYPE_CHECKING:
    from dtr.cli.answers import Answerer
    from dtr.evaluation.figures import Figure
    from dtr.reward.score import RewardWeights
    from dtr.reward.twins import JudgedPair, TwinRow
    from dtr.traces.probe_pairs import Pair

NAMES = {
    "reward": "reward",
    "label": "1 − P(fake)",
    "severity": "1 − severity",
    "worst_trace": "1 − worst trace",
    "coverage": "1 − coverage",
}
WIDTH = 132  # columns where stdout is no terminal


def compare_twins(folder: Path, output: Path | None, as_json: bool, answerer: Answerer, weights: RewardWeights) -> int:
    """Judge both files of every pair and print what differs; the exit code.

    Raises:
        AnnotationError: the folder holds no pairs.
        ConfigError: the output cannot be written, or is one of the folder's own files.
    """
    from dtr.data.release import RELEASE_FILE
    from dtr.reward.twins import twin_rows
    from dtr.traces.listing import INFO_FILE, TRACES_FILE
    from dtr.traces.probe_pairs import read_pairs

    check_output(output, "-o", *(folder / name for name in (TRACES_FILE, RELEASE_FILE, INFO_FILE)))
    pairs = read_pairs(folder)
    judged = []
    with progress("judging pairs") as move:
        for done, one in enumerate(_judged(pairs, answerer, weights), start=1):
            judged += [] if one is None else [one]
            if move is not None:
                move(done, len(pairs))
    rows = twin_rows(judged) if judged else []
    report: dict[str, Any] = {"schema": 1, "folder": str(folder), "model_id": answerer.model.info.model_id}
    report |= {"weights": weights.of_parts() | dict(weights.categories)}
    report |= {"num_pairs": len(judged), "num_failed": len(pairs) - len(judged)}
    report |= {"rows": [row.to_json() for row in rows], "pairs": [one.to_json() for one in judged]}
    text = json.dumps(report, allow_nan=False)
    if output is not None:
        write_output(output, text + "\n", "-o")
    if as_json:
        click.echo(text)
    else:
        _print(rows, len(pairs) - len(judged))
    return 1 if len(judged) < len(pairs) else 0


def _judged(pairs: Sequence[Pair], answerer: Answerer, weights: RewardWeights) -> Iterator[JudgedPair | None]:
    """Each pair with its measures, or None where a file failed, which is said on stderr."""
    from dtr.cli.answers import error_line
    from dtr.reward.score import TraceReward
    from dtr.reward.twins import JudgedPair, measures

    reward = TraceReward(weights)
    for pair in pairs:
        found = []
        for path in (pair.twin, pair.traced):
            answer = answerer.answer(Input(str(path)))
            if answer.verdict is None:
                click.echo(error_line(answer), err=True)
                continue
            found.append(measures(answer.verdict, answerer.model.info, reward))
        yield JudgedPair(pair, *found) if len(found) == 2 else None


def _print(rows: Sequence[TwinRow], num_failed: int) -> None:
    import sys

    from rich.console import Console

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH)
    lines = [f"{num_failed} pairs left out: a file failed"] if num_failed else []
    if not rows:
        console.print("no pair has both rewards, so there is nothing to compare", highlight=False)
        return
    everything = [row for row in rows if row.group == "all"]
    total = everything[0]
    console.print(f"{total.auroc.n} pairs of {total.num_bases} base clips", *lines, sep="; ", highlight=False)
    _print_table(console, "All pairs", [(_measure(row.measure), row) for row in everything])
    for measure in ("reward", "reward_if_fake"):
        chosen = [(f"{row.group}: {row.part}", row) for row in rows if row.measure == measure and row.group != "all"]
        _print_table(console, f"Groups: {_measure(measure)}", chosen)
    for note in (
        "AUROC: traced clips against twins, one clip at a time; pairs: against its own twin. 1 = always "
        "lower, 0.5 = chance. [95 %, resampling base clips]",
        "severity rank: Spearman's correlation of the strongest trace's severity with the drop (twin − traced).",
        "if FAKE: P(fake) is taken as 1, so that only the traces count. 1 − P(fake) should not react to an edit.",
    ):
        console.print(note, highlight=False, markup=False)


def _measure(name: str) -> str:
    from dtr.reward.twins import IF_FAKE

    return NAMES[name.removesuffix(IF_FAKE)] + (", if FAKE" if name.endswith(IF_FAKE) else "")


def _print_table(console: Any, title: str, named: Sequence[tuple[str, TwinRow]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from dtr.cli.text import printable

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for name in ("", "n", "twin", "traced", "AUROC", "pairs", "severity rank"):
        table.add_column(name, justify="right" if name else "left", no_wrap=bool(name))
    for name, row in named:
        means = [f"{row.auroc.n}", f"{row.twin.value:.4f}", f"{row.traced.value:.4f}"]
        figures = [Text(_cell(one)) for one in (row.auroc, row.pairs_lower, row.severity_rank)]
        table.add_row(Text(printable(name)), *means, *figures)
    console.print(table)


def _cell(one: Figure) -> str:
    if one.value is None:
        return "–"
    return f"{one.value:.3f}" + ("" if one.interval is None else f" [{one.interval[0]:.3f}, {one.interval[1]:.3f}]")
