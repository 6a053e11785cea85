"""`dtr reward` and `dtr rank`: clips in, one number each out, with what lowered it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dtr.cli.outputs import check_output
from dtr.cli.progress import progress
from dtr.errors import ConfigError
from dtr.inputs import Input, expand_inputs

if TYPE_CHECKING:
    from dtr.cli.answers import Answerer
    from dtr.reward.score import Reward, RewardWeights

REWARD_EPILOG = """\b
Examples:
  dtr reward clip.mp4
  dtr reward samples/ --json
  dtr reward samples/ -o rewards.jsonl
  dtr reward samples/ --weight label=2 --weight "Sudden Blurring=0.5"
  dtr reward --twins synth/            # a folder that dtr synth made
\b
An interrupted run with -o goes on where it stopped when the command is repeated.
Exit code: 0 every clip has a reward, 1 some clip failed (each says why), 2 wrong usage.
"""

RANK_EPILOG = """\b
Examples:
  dtr rank samples/
  dtr rank samples/ --top 1 --json
\b
Exit code: 0 every clip has a place, 1 some clip failed (each says why), 2 wrong usage.
"""

Row = dict[str, Any]


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of both commands."""
    weight = click.option(
        "--weight",
        "pairs",
        multiple=True,
        metavar="NAME=W",
        help="Weight of a part (label, severity, worst_trace, coverage; 1 unless given) or of a category (0 to 1).",
    )
    model = click.option("--model", metavar="NAME_OR_PATH", help="An .onnx file or an embedded detector.")
    strict = click.option("--strict", is_flag=True, help="Refuse damaged files instead of using what can be decoded.")
    long_ = click.option("--long", "long_", is_flag=True, help="Lift the limits on size, length and decoding time.")
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per line instead of a table.")
    return as_json(model(weight(strict(long_(command)))))


@click.command(epilog=REWARD_EPILOG)
@click.argument("clips", nargs=-1, metavar="[CLIPS]...")
@click.option("--twins", type=click.Path(path_type=Path), metavar="OUT", help="Compare the pairs of dtr synth instead.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the JSON lines to a file.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Continue an interrupted run.")
@_common
def reward(
    clips: tuple[str, ...], twins: Path | None, output: Path | None, resume: bool, as_json: bool, **options: Any
) -> int:
    """Say as one number in [0, 1] how free of visible traces each clip is; higher is better.

    CLIPS are files, folders (searched for media files) or patterns. The number comes from the detector's scores alone:
    it is no better than the detector, and nobody has compared it with what people prefer.

    --twins takes a finished folder of dtr synth and asks whether the reward falls when a trace is put in, and the more
    the stronger the trace: AUROC between clean twins and traced clips, share of pairs in which the traced clip has the
    lower reward, rank correlation of severity and drop, each with an interval by base clip. The groups are shown for
    the reward alone; --json has every measure and every pair. It starts anew each time, -o included.
    """
    if (twins is None) != bool(clips):
        raise click.UsageError("expected CLIPS, or --twins OUT without them; see dtr reward --help")
    if twins is not None:
        from dtr.cli.reward_twins import compare_twins

        return compare_twins(twins, output, as_json, *_prepare(options))
    inputs = expand_inputs(clips)
    check_output(output, "-o", *(Path(item.path) for item in inputs))
    answerer, weights = _prepare(options)
    if output is not None:
        rows = _to_file(output, resume, inputs, answerer, weights)
    elif as_json:
        rows = []
        for row, _ in _rewarded(inputs, answerer, weights):
            click.echo(json.dumps(row, allow_nan=False))
            rows.append(row)
    else:
        rows = [row for row, _ in _with_bar(inputs, answerer, weights)]
    if not as_json:
        _print_table(rows)
    return 1 if any("error" in row for row in rows) else 0


@click.command(epilog=RANK_EPILOG)
@click.argument("clips", nargs=-1, required=True, metavar="DIR...")
@click.option("--top", type=click.IntRange(1), help="Show only the best so many.")
@_common
def rank(clips: tuple[str, ...], top: int | None, as_json: bool, **options: Any) -> int:
    """Order clips by reward, the one with the fewest visible traces first, with the reasons.

    DIR is a folder of clips, for example N samples of one prompt; files and patterns are taken too. Clips of equal
    reward share a place and stay in the order of their names.
    """
    from dtr.reward.rank import rank_rewards

    answerer, weights = _prepare(options)
    found = list(_with_bar(expand_inputs(clips), answerer, weights))
    judged = [(row, one) for row, one in found if one is not None]
    places = rank_rewards([one for _, one in judged])[:top]
    rows = [{"place": place, **judged[index][0]} for place, index in places]
    failed = [row for row, one in found if one is None]
    if as_json:
        for row in [*rows, *failed]:
            click.echo(json.dumps(row, allow_nan=False))
    else:
        _print_table([*rows, *failed])
    return 1 if failed else 0


def _prepare(options: dict[str, Any]) -> tuple[Answerer, RewardWeights]:
    """The detector, ready to answer, and the weights; whatever is wrong with the options is said before any clip."""
    from dtr.api import load
    from dtr.cli.answers import Answerer
    from dtr.extras import check_onnxruntime
    from dtr.video.types import Limits

    weights = _weights(options["pairs"])
    notice = check_onnxruntime()
    if notice:
        click.echo(f"dtr: note: {notice}", err=True)
    limits = Limits.long() if options["long_"] else Limits()
    model = load(options["model"])
    return Answerer(model, "json", "pyav", limits, options["strict"], lambda video: Path(video).stem), weights


def _weights(pairs: tuple[str, ...]) -> RewardWeights:
    from dtr.reward.score import PARTS, RewardWeights

    parts: dict[str, float] = {}
    categories: dict[str, float] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            value = float(text)
        except ValueError as error:
            raise ConfigError(f"--weight: expected NAME=NUMBER, got '{pair}'; write for example label=2") from error
        (parts if name in PARTS else categories)[name] = value
    return RewardWeights(**parts, categories=categories)


def _rewarded(inputs: list[Input], answerer: Answerer, weights: RewardWeights) -> Iterator[tuple[Row, Reward | None]]:
    """Row and reward of every input in order; a failure has no reward, and its reason is also said on stderr."""
    from dtr.cli.answers import error_line
    from dtr.reward.score import TraceReward

    score = TraceReward(weights)
    for item in inputs:
        answer = answerer.answer(item)
        if answer.verdict is None:
            click.echo(error_line(answer), err=True)
            yield answer.row, None
            continue
        verdict, one = answer.verdict, score(answer.verdict)
        facts = {"video": verdict.video, "video_id": verdict.video_id, "model_id": verdict.provenance.get("model_id")}
        yield facts | one.to_json() | {"label": verdict.label}, one


def _with_bar(inputs: list[Input], answerer: Answerer, weights: RewardWeights) -> Iterator[tuple[Row, Reward | None]]:
    with progress("judging") as move:
        for done, pair in enumerate(_rewarded(inputs, answerer, weights), start=1):
            yield pair
            if move is not None:
                move(done, len(inputs))


def _to_file(output: Path, resume: bool, inputs: list[Input], answerer: Answerer, weights: RewardWeights) -> list[Row]:
    from dtr.batch_run import ResumableLines

    settings: Row = {"command": "reward", "weights": weights.of_parts() | dict(weights.categories)}
    settings |= {"model": answerer.model.info.model_id, "sha256": answerer.model.sha256}
    settings |= {"limits": str(answerer.limits), "strict": answerer.strict}
    lines = ResumableLines(output, settings, [item.path for item in inputs], resume=resume)
    rows = list(lines.rows)
    if lines.done:
        click.echo(f"dtr: note: continuing after the first {lines.done} of {len(inputs)} inputs in {output}", err=True)
    with lines:
        for row, _ in _with_bar(inputs[lines.done :], answerer, weights):
            lines.append(row)
            rows.append(row)
    return rows


def _print_table(rows: list[Row]) -> None:
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dtr.cli.text import WIDTH, printable

    table = Table(box=box.SIMPLE_HEAD)
    ranked = any("place" in row for row in rows)
    for name in [*(["place"] if ranked else []), "reward", "fake", "severity", "worst", "cover"]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("clip, and what lowered it", overflow="fold")
    for row in rows:
        figures, why = _cells(row)
        place = [str(row.get("place", "–"))] if ranked else []
        words = Text(printable(row["video"]), style="bold")
        words.append("".join(f"\n{printable(line)}" for line in why), style="not bold")
        table.add_row(*place, *figures, words)
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH).print(table)


def _cells(row: Row) -> tuple[list[str], list[str]]:
    """Figures and reasons of one row; P(fake) has a column of its own."""
    if "error" in row:
        return ["–"] * 5, [f"no reward: {row['error']['kind']}"]
    parts = row["parts"]
    figures = [row["reward"], parts["label"], parts["severity"], parts["worst_trace"], parts["coverage"]]
    return [f"{value:.3f}" for value in figures], row["reasons"][1:]
