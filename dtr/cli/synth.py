"""`dtr synth`: traces put into clips, as files with exact annotations."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dtr.traces.recipe import SynthRecipe
    from dtr.traces.run import SynthReport

SPLITS = ("train", "val", "test")


class CountRange(click.ParamType):
    """A whole number, or two of them as "1..3"."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(fewest, most)."""
        if isinstance(value, tuple):
            return value
        low, dots, high = str(value).partition("..")
        try:
            return int(low), int(high if dots else low)
        except ValueError:
            self.fail(f"expected a whole number or a range such as 1..2, got '{value}'", param, ctx)


@click.command()
@click.argument("inputs", nargs=-1, metavar="[IN]...")
@click.argument("out", required=False, type=click.Path(path_type=Path))
@click.option("--per-clip", type=click.IntRange(min=1), default=1, show_default=True, help="Pairs made of each clip.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything drawn.")
@click.option("--split", type=click.Choice(SPLITS), help="Only clips of this split.  [default: all]")
@click.option(
    "--label",
    type=click.Choice(["real", "fake"]),
    help="Only clips of this label; what plain videos are.  [default: all]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many clips, spread evenly; for a try.")
@click.option("--traces", type=CountRange(), default="1..2", show_default=True, help="Traces a clip: N or LOW..HIGH.")
@click.option(
    "--severity",
    type=(float, float),
    default=(0.25, 1.0),
    show_default=True,
    metavar="LOW HIGH",
    help="1 = nobody can miss it, 0.15 = barely visible.",
)
@click.option(
    "--mechanisms", multiple=True, metavar="NAMES", help="Mechanisms or categories, by commas.  [default: all]"
)
@click.option(
    "--use",
    type=click.Choice(["trained", "held-out", "all"]),
    default="trained",
    show_default=True,
    help="Mechanisms that training may use, those that it may not, or both.",
)
@click.option("--negatives", type=float, default=0.3, show_default=True, help="Chance of hard negatives in a pair.")
@click.option(
    "--short-side", type=int, metavar="PX", help="Pixels of the shorter side.  [default: drawn in 240 to 480]"
)
@click.option("--seconds", type=float, help="Only the first seconds of each clip.  [default: all]")
@click.option(
    "--memory",
    type=click.IntRange(min=64),
    default=1024,
    show_default=True,
    help="MiB for frames and codecs, a worker.",
)
@click.option("--workers", type=click.IntRange(min=0), help="Processes; 0 = none beside this one.  [default: half]")
@click.option("--long", "is_long", is_flag=True, help="Lift the limits on length and size of a source file.")
@click.option("--gallery", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page to look at.")
@click.option("--gallery-traces", type=click.IntRange(min=1), default=60, show_default=True, help="Traces on the page.")
@click.option("--probe", "is_probe", is_flag=True, help="Also look for shortcuts in OUT, and write OUT/probes.json.")
@click.option("--list", "is_list", is_flag=True, help="Print what can be put in, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def synth(
    ctx: click.Context,
    inputs: tuple[str, ...],
    out: Path | None,
    gallery: Path | None,
    gallery_traces: int,
    is_probe: bool,
    is_list: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Put traces into the clips of IN and write them to OUT with their exact place, time, kind and sentence.

    IN is an annotated data set (folder or file), or plain videos (files, folders, patterns) whose --label you state.
    Each pair is a clip with traces and its clean twin: same frames, same hard negatives, same codec, quality, size and
    frame rate, drawn once for both. So only the trace tells them apart. Traces go on real and on generated clips:
    "edited" is not "generated". Names tell nothing; the annotations do.

    OUT gets videos/, traces.jsonl (a box for every frame; the label is that of the clip before), all_data.json (the
    released form: traced clips are generated ones of the source "synthetic") and synth.json (recipe and counts). The
    same clips, options and versions give the same bytes, whatever the number of workers. The same command continues an
    interrupted run; a higher --per-clip adds to it. A clip in which no trace could be seen is left out and counted.

    One mechanism of every category is held out: measure on it what a model has learnt beyond the others.

    --probe asks whether anything but the visible trace tells a traced clip from its twin: facts of the file, statistics
    of the clip, noise along the trace's border, texture inside it. An AUROC of 0.5 is what it should be.

    \b
    Example:
      dtr synth --list
      dtr synth DeeptraceReward/ synth/ --split train --per-clip 2
      dtr synth DeeptraceReward/ unseen/ --split val --use held-out --gallery unseen.html
      dtr synth clips/*.mp4 try/ --label real --mechanisms melt,"Object Merging" --severity 0.8 1
      dtr synth synth/ --gallery synth.html --probe     # a page and probes of a folder that is there already

    Exit code 0: all done, clips left out included; 1: some files failed; 2: wrong usage.
    """
    if is_list:
        click.echo(_catalogue(as_json))
        return
    if out is None or not (inputs or gallery or is_probe):
        raise click.UsageError(
            "expected IN and OUT, or OUT and --gallery FILE or --probe, or --list; see dtr synth --help"
        )
    report = _synthesise(inputs, out, **given) if inputs else None
    if report is not None:
        click.echo(json.dumps(report.to_json(), indent=1) if as_json else _text(report))
    if gallery is not None:
        _write_gallery(out, gallery, gallery_traces)
        click.echo(f"{gallery}: written", err=as_json)
    if is_probe:
        _probe(out, given["seed"], given["workers"], as_json)
    ctx.exit(1 if report is not None and report.failures else 0)


def _probe(out: Path, seed: int, workers: int | None, as_json: bool) -> None:
    from dtr.batch_run import write_text_atomically
    from dtr.traces.probe_text import text_table
    from dtr.traces.probes import probe_folder

    processes = max(1, (os.cpu_count() or 1) // 2) if workers is None else workers
    report = probe_folder(out, seed=seed, workers=processes, say=lambda text: click.echo(text, err=True))
    write_text_atomically(out / "probes.json", json.dumps(report.to_json(), indent=1) + "\n")
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else text_table(report))


def _synthesise(
    inputs: tuple[str, ...],
    out: Path,
    *,
    per_clip: int,
    split: str | None,
    label: Any,
    limit: int | None,
    workers: int | None,
    is_long: bool,
    **recipe: Any,
) -> SynthReport:
    from dtr.cli.progress import progress
    from dtr.traces.run import SynthOptions, synthesise_clips
    from dtr.traces.sources import read_sources
    from dtr.video import Limits

    made = _recipe(**recipe)  # wrong options are said before a data set is read
    sources = read_sources(inputs, split=split, label=label, limit=limit)
    options = SynthOptions(
        per_clip=per_clip,
        workers=max(1, (os.cpu_count() or 2) // 2) if workers is None else workers,
        limits=Limits.long() if is_long else Limits(),
    )
    with progress("pairs") as on_progress:
        return synthesise_clips(sources, out, made, options, on_progress=on_progress)


def _recipe(
    *,
    seed: int,
    traces: tuple[int, int],
    severity: tuple[float, float],
    mechanisms: tuple[str, ...],
    use: Any,
    negatives: float,
    short_side: int | None,
    seconds: float | None,
    memory: int,
) -> SynthRecipe:
    from dtr.traces.recipe import SynthRecipe
    from dtr.traces.synthesise import SynthSpec

    names = tuple(name.strip() for text in mechanisms for name in text.split(",") if name.strip())
    drawn: dict[str, Any] = {} if short_side is None else {"short_side": (short_side, short_side)}
    return SynthRecipe(
        spec=SynthSpec(traces=traces, severity=severity, mechanisms=names, use=use),
        seed=seed,
        negatives=negatives,
        seconds=seconds,
        memory_mib=memory,
        **drawn,
    )


def _write_gallery(out: Path, path: Path, count: int) -> None:
    from dtr.cli.progress import progress
    from dtr.traces.gallery import write_gallery

    with progress("gallery") as on_progress:
        write_gallery(out, path, count=count, on_progress=on_progress)


def _catalogue(as_json: bool) -> str:
    """What can be put in."""
    from dtr.traces.catalogue import MECHANISMS

    rows = [
        {
            "category": m.category,
            "mechanism": m.name,
            "use": "held-out" if m.held_out else "trained",
            "looks": " ".join((m.begin.__doc__ or "").split("\n\n")[0].split()),
            "imitates": m.source,
        }
        for m in MECHANISMS
    ]
    if as_json:
        return json.dumps(rows, indent=1)
    lines = []
    for number, row in enumerate(rows):
        if number == 0 or rows[number - 1]["category"] != row["category"]:
            lines.append(row["category"])
        imitates = f" Imitates {row['imitates']}." if row["imitates"] else ""
        lines.append(f"  {row['mechanism']:<14} {row['use']:<9} {row['looks']}{imitates}")
    return "\n".join(lines)


def _text(report: SynthReport) -> str:
    n = report.info["counts"]
    lines = [
        f"{report.out}: {report.made_now} pairs written now; {n['pairs']} of {n['pairs_wanted']} pairs, "
        f"{n['traces']} traces on {n['frames']} frames"
    ]
    for title, name in (("kinds", "by_category"), ("mechanisms", "by_mechanism"), ("clips", "by_label")):
        lines.append(f"  {title}: " + (", ".join(f"{key} {value}" for key, value in n[name].items()) or "none"))
    if report.frames_per_s is not None:
        lines.append(f"  {report.frames_per_s} frames/s per core, at most {report.peak_mib} MiB a process")
    from dtr.traces.listing import LEFT_OUT

    lines += [
        f"left out: {row['video_id']} (pair {row['k']}): {LEFT_OUT[row['why']]}" for row in report.info["left_out"]
    ]
    lines += [f"failed: {row['video_id']}: {row['message']}" for row in report.failures]
    return "\n".join(lines)
