"""`dtr detect`: files in, verdicts out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click

from dtr.cli.answers import Answer, Answerer, error_line
from dtr.cli.outputs import check_output
from dtr.errors import ConfigError, MissingExtraError
from dtr.inputs import OVERLAY_SUFFIX, Input, expand_inputs

EPILOG = """\b
Examples:
  dtr detect clip.mp4
  dtr detect clips/ "more/**/*.mov" --format json -o verdicts.jsonl
  dtr detect clip.mp4 --overlay clip.overlay.mp4
  dtr detect clips/ --fpr 0.05 --prior 0.01
  dtr detect clips/ --format predictions --annotations data/ -o predictions.jsonl
  dtr detect --annotations data/ --split test --format json -o verdicts.jsonl
\b
An interrupted run with -o and --format json or predictions goes on where it stopped when the command is repeated.
Exit code: 0 every input answered, 1 some input failed (each says why), 2 wrong usage.
"""


@dataclass(frozen=True)
class Order:
    """What the command line asks for.

    Attributes:
        form: "text", "json" or "predictions".
        output: file for the answers; None = stdout.
        overlays: overlay to write for each input, or empty.
        resume: continue an interrupted run.
        settings: everything that changes an answer, for the journal of a resumable run.
    """

    form: str
    output: Path | None
    overlays: list[Path]
    resume: bool
    settings: dict[str, Any]


def _require_inputs(ctx: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Either PATHS, or a split of the annotations."""
    if not paths and ctx.params.get("split") is None:
        raise click.MissingParameter(ctx=ctx, param=parameter)
    return paths


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="PATHS...", callback=_require_inputs)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "predictions"]),
    default="text",
    help="text for people; json: one verdict per line; predictions: one flat row per line.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the answers to a file.")
@click.option("--overlay", type=click.Path(path_type=Path), help="Draw boxes and a time bar: an .mp4, or a folder.")
@click.option("--model", metavar="NAME_OR_PATH", help="An .onnx file or an embedded detector (see `dtr models`).")
@click.option(
    "--annotations", type=click.Path(path_type=Path), help="Data set or all_data.json to take video ids from."
)
@click.option(
    "--split",
    is_eager=True,  # PATHS may be left out with it
    help="Judge the media of this split of --annotations, instead of PATHS.",
)
@click.option(
    "--id-from", type=click.Choice(["stem", "sha256"]), help="Video id: file name (default), or content hash."
)
@click.option(
    "--fpr",
    type=float,
    metavar="P",
    help="Rate of false alarms to allow: the threshold at which about a share P of real videos is called fake "
    "(0.05 = one in twenty). Chosen on the detector's real calibration clips; refused if there are fewer than 1 / P.",
)
@click.option(
    "--prior",
    type=float,
    metavar="P",
    help="Share of fakes to expect among your videos (the detector assumes 0.5). Scores are re-weighted; FAKE still "
    "means a score of 0.5 or more. With --fpr the labels stay those of --fpr, and only the scores are re-weighted.",
)
@click.option("--strict", is_flag=True, help="Refuse damaged files instead of using what can be decoded.")
@click.option("--decoder", type=click.Choice(["pyav", "decord"]), default="pyav", show_default=True)
@click.option("--long", "long_", is_flag=True, help="Lift the limits on size, length and decoding time.")
@click.option("--max-bytes", type=click.IntRange(1), help="Refuse larger files.")
@click.option("--max-pixels", type=click.IntRange(1), help="Refuse larger frames.")
@click.option("--max-side", type=click.IntRange(1), help="Refuse frames with a longer side.")
@click.option("--max-frames", type=click.IntRange(1), help="Refuse videos of more frames.")
@click.option("--max-seconds", type=click.FloatRange(0, min_open=True), help="Refuse longer videos.")
@click.option("--max-decode-s", type=click.FloatRange(0, min_open=True), help="Give up decoding after this time.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Continue an interrupted run.")
def detect(paths: tuple[str, ...], **options: Any) -> int:
    """Judge videos: real or fake, and where, when and what gives them away.

    PATHS are files, folders (searched for media files) or patterns; or the media of one split: --annotations ROOT
    --split test.
    """
    from dtr.api import load
    from dtr.decision import decide
    from dtr.extras import check_onnxruntime

    limits = _limits(options)
    inputs = _inputs(paths, options["annotations"], options["split"])
    check_output(options["output"], "-o", options["annotations"], *(Path(item.path) for item in inputs))
    overlays = _overlay_paths(options["overlay"], inputs)
    _check_decoder(options["decoder"])
    notice = check_onnxruntime()
    if notice:
        click.echo(f"dtr: note: {notice}", err=True)
    model = load(options["model"])
    decide(model.info, fpr=options["fpr"], prior=options["prior"])  # refuses both before the first video
    answerer = Answerer(
        model,
        form=options["form"],
        decoder=options["decoder"],
        limits=limits,
        strict=options["strict"],
        ids=_ids(options["annotations"], options["id_from"]),
        fpr=options["fpr"],
        prior=options["prior"],
    )
    settings = {name: str(value) for name, value in options.items() if name not in ("output", "resume", "long_")}
    settings |= {"limits": str(limits), "model": model.info.model_id, "sha256": model.sha256}
    order = Order(options["form"], options["output"], overlays, options["resume"], settings)
    failed = _run(order, inputs, answerer)
    for clash in answerer.clashes():
        click.echo(f"dtr: note: {clash}", err=True)
    return 1 if failed else 0


def _run(order: Order, inputs: list[Input], answerer: Answerer) -> int:
    """Answer every input.

    Returns:
        How many failed.
    """
    if order.form == "text":
        return _run_text(order, inputs, answerer)
    if order.output is not None:
        return _run_to_file(order, order.output, inputs, answerer)
    failed = 0
    with _progress(len(inputs), 0, sys.stdout.isatty()) as (step, say):
        for answer in _answers(order, inputs, answerer, 0, say):
            click.echo(answer.line)
            sys.stdout.flush()
            failed += answer.failed
            step()
    return failed


def _run_to_file(order: Order, output: Path, inputs: list[Input], answerer: Answerer) -> int:
    from dtr.batch_run import ResumableLines

    lines = ResumableLines(output, order.settings, [i.path for i in inputs], resume=order.resume)
    failed = sum(1 for row in lines.rows if row.get("error") is not None)
    with lines, _progress(len(inputs), lines.done, False) as (step, say):
        if lines.done:
            say(f"dtr: note: continuing after the first {lines.done} of {len(inputs)} inputs in {output}")
        for answer in _answers(order, inputs, answerer, lines.done, say):
            lines.append(answer.row)
            failed += answer.failed
            step()
    return failed


def _run_text(order: Order, inputs: list[Input], answerer: Answerer) -> int:
    from io import StringIO

    from rich.console import Console

    from dtr.batch_run import write_text_atomically
    from dtr.cli.text import WIDTH, print_failure, print_verdict

    to_terminal = order.output is None and sys.stdout.isatty()
    buffer = StringIO()
    if order.output is not None:
        console = Console(file=buffer, width=WIDTH, no_color=True)
    else:
        console = Console(file=sys.stdout, width=None if to_terminal else WIDTH)
    failed = 0
    with _progress(len(inputs), 0, to_terminal) as (step, say):
        for answer in _answers(order, inputs, answerer, 0, say):
            if answer.verdict is not None:
                print_verdict(console, answer.verdict, answer.notes)
            elif not to_terminal:  # on a terminal the line on stderr is enough
                print_failure(console, answer.video, *answer.reason)
            failed += answer.failed
            step()
    if order.output is not None:
        try:
            write_text_atomically(order.output, buffer.getvalue())
        except OSError as error:
            why = error.strerror or error
            raise ConfigError(f"-o: cannot write '{order.output}' ({why}); choose another output") from error
    return failed


def _answers(
    order: Order, inputs: list[Input], answerer: Answerer, first: int, say: Callable[[str], None]
) -> Iterator[Answer]:
    """Answers from input number `first` on; each failure is also said."""
    for index in range(first, len(inputs)):
        overlay = order.overlays[index] if order.overlays else None
        answer = answerer.answer(inputs[index], overlay)
        if answer.failed:
            say(error_line(answer))
        yield answer


@contextmanager
def _progress(total: int, done: int, busy: bool) -> Iterator[tuple[Callable[[], None], Callable[[str], None]]]:
    """A bar over many files, where stderr is a terminal and the answers do not already show how far it is."""
    if busy or total < 2 or not sys.stderr.isatty():
        yield (lambda: None), (lambda text: click.echo(text, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, redirect_stdout=False, transient=True) as bar:
        task = bar.add_task("judging", total=total, completed=done)
        yield (lambda: bar.advance(task)), (lambda text: console.print(text, markup=False, highlight=False))


def _limits(options: dict[str, Any]) -> Any:
    from dtr.video.types import Limits

    base = Limits.long() if options["long_"] else Limits()
    given = {f.name: options[f.name] for f in fields(Limits) if options.get(f.name) is not None}
    return replace(base, **given)


def _check_decoder(decoder: str) -> None:
    from importlib.util import find_spec

    if decoder == "decord" and find_spec("decord") is None:
        raise MissingExtraError("--decoder decord: decord is not installed; run: pip install 'dtr-video[decord]'")


def _inputs(paths: tuple[str, ...], annotations: Path | None, split: str | None) -> list[Input]:
    """What to judge: the files that PATHS lead to, or those of a split."""
    if split is None:
        return expand_inputs(paths)
    if annotations is None or paths:
        raise ConfigError(
            f"--split: expected --annotations and no PATHS with it, got {len(paths)} PATHS and "
            f"{'no annotations' if annotations is None else annotations}; give the data set, or the files"
        )
    from dtr.cli.answers import annotated_inputs

    inputs, problems = annotated_inputs(annotations, split)
    if problems:
        click.echo(f"dtr: note: {problems} problems in the rows; see: dtr data check {annotations}", err=True)
    return inputs


def _ids(annotations: Path | None, id_from: str | None) -> Callable[[str], str]:
    from dtr.cli.answers import annotated_ids, sha256_id

    if annotations is not None and id_from is not None:
        raise ConfigError("--annotations and --id-from both decide the video id; give one of them")
    if annotations is not None:
        return annotated_ids(annotations)
    return sha256_id if id_from == "sha256" else lambda video: Path(video).stem


def _overlay_paths(overlay: Path | None, inputs: list[Input]) -> list[Path]:
    """Where each input's overlay goes: the file itself for one input, else `<stem>.overlay.mp4` in a folder."""
    if overlay is None:
        return []
    if len(inputs) == 1 and overlay.suffix.lower() == ".mp4" and not overlay.is_dir():
        check_output(overlay, "--overlay")
        return [overlay]
    if overlay.suffix.lower() == ".mp4" or overlay.is_file():
        raise ConfigError(
            f"--overlay: expected a folder for {len(inputs)} inputs, got the file '{overlay}'; name a folder"
        )
    try:
        overlay.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--overlay: cannot make the folder '{overlay}' ({error.strerror}); choose another"
        ) from error
    taken: dict[str, int] = {}
    paths = []
    for item in inputs:
        stem = Path(item.path).stem
        taken[stem.lower()] = taken.get(stem.lower(), 0) + 1
        number = taken[stem.lower()]
        paths.append(overlay / (stem + (f"-{number}" if number > 1 else "") + OVERLAY_SUFFIX))
    return paths
