"""`dtr evaluate`: predictions against annotations, with floors and intervals."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
from click.core import ParameterSource


@click.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    required=True,
    help="Data set: a folder or file that data check reads.",
)
@click.option("--split", help="Score this split.  [default: the splits that the predictions are of]")
@click.option("--judged", type=click.Path(path_type=Path), help="A judge's scores of explanations, JSON lines.")
@click.option("--fpr", type=float, help="Also the threshold with at most this share of false alarms, e.g. 0.01.")
@click.option("--prior", type=float, help="Also the precision where this share of all videos is generated.")
@click.option("--probe/--no-probe", default=True, help="Read media headers for the metadata-only floor.  [default: do]")
@click.option("--resamples", type=click.IntRange(min=1), default=1000, show_default=True, help="Of the bootstrap.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--all", "all_figures", is_flag=True, help="Print average precision at every overlap too.")
@click.option("--html", type=click.Path(path_type=Path), help="Also write a report: one file, no network.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write the JSON object to this file.")
def evaluate(
    predictions: Path,
    annotations: Path,
    split: str | None,
    judged: Path | None,
    fpr: float | None,
    prior: float | None,
    probe: bool,
    resamples: int,
    seed: int,
    as_json: bool,
    all_figures: bool,
    html: Path | None,
    output: Path | None,
) -> None:
    """Measure PREDICTIONS against annotations: the paper's protocol, what it leaves out, and the floors beside both.

    PREDICTIONS are JSON lines, one per video: verdicts (dtr detect --format json), rows with video_id and any of
    predicted_label, fake_probability, bbox (pixels), start_time, end_time and explanation, or rows with the raw_output
    of a language model. A video without an answer counts as wrong. Floors (majority label, metadata alone, constant
    boxes and spans) are fitted on the split "train" of the annotations. Intervals resample videos.

    Place and time are compared twice: under the model's own labels, where a floor answers only the videos that it
    called fake, and under oracle labels, where both answer every generated video. Verdicts carry candidates for videos
    called REAL too; the predictions form does not, so prefer --format json for your own detector.

    \b
    Examples:
      dtr detect --annotations DeeptraceReward/ --split test --format json -o verdicts.jsonl
      dtr evaluate verdicts.jsonl --annotations DeeptraceReward/ --split test
      dtr evaluate theirs.jsonl --annotations DeeptraceReward/ --split test --json | jq .paper
      dtr evaluate verdicts.jsonl --annotations DeeptraceReward/ --html report.html --fpr 0.01 --prior 0.001

    Exit code 0: measured; 1: something could not be read; 2: wrong usage.
    """
    from dtr.cli.evaluate_text import print_evaluation
    from dtr.cli.outputs import check_output, write_output
    from dtr.cli.progress import progress
    from dtr.evaluation.evaluate import EvaluationOptions
    from dtr.evaluation.files import evaluate_files

    for path, option in ((output, "-o"), (html, "--html")):
        check_output(path, option, predictions, annotations, judged)
    if html is not None:
        from dtr.report.page import templates

        templates()  # a missing package is better known now than after the evaluation
    options = EvaluationOptions(resamples=resamples, seed=seed, fpr=fpr, prior=prior)
    with progress("reading media headers") as on_progress:
        found = evaluate_files(
            predictions, annotations, split=split, judged=judged, probe=probe, options=options, on_progress=on_progress
        )
    text = json.dumps(found.to_json(), allow_nan=False)
    if output is not None:
        write_output(output, text + "\n", "-o")
    if html is not None:
        from dtr.report import write_report

        write_report(found, html, command=_as_typed(click.get_current_context()))
    if as_json:
        click.echo(text)
    else:
        print_evaluation(found, all_figures=all_figures)


def _as_typed(ctx: click.Context) -> str:
    """The command with every argument and option that was given."""
    words = ["dtr", str(ctx.info_name)]
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        if isinstance(parameter, click.Argument):
            words.append(str(value))
        elif isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[-1])
        else:
            words += [parameter.opts[-1], str(value)]
    return shlex.join(words)
