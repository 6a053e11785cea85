"""`dtr data leaks`: what tells the label of a data set without showing a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dtr.leaks.near_duplicates import DuplicateReport
    from dtr.leaks.report import GroupResult, LeakReport
    from dtr.leaks.source_floor import SourceFloor

SHOWN_PAIRS = 10


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Look at one split only.  [default: all]")
@click.option("--fast", is_flag=True, help="Annotations and manifests only; open no media.")
@click.option("--cache", type=click.Path(path_type=Path), help="Feature cache for the real-vs-real floor.")
@click.option(
    "--facts",
    "facts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep what is read of the media here; a later run reads only new and changed files.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Threads that read media.  [default: one per CPU]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of folds, classifiers and intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON object to this file."
)
@click.pass_context
def leaks(ctx: click.Context, root: Path, as_json: bool, out: Path | None, fast: bool, **options: Any) -> None:
    """Measure how well label and generator can be told from what says nothing about traces.

    Each line is one group of facts (size, frame rate, tags, file name, padding, …) and a classifier that sees only
    these, scored on sources it has not seen. AUROC 0.5 = these facts say nothing of the label, 1 = they give it away.
    A label with one source only is cut by video instead; that is said below the table.

    \b
    leak     strong   the whole 95 % interval is at or above 0.7
             weak     the whole interval is above 0.5
             none     it reaches down to 0.5 and not up to 0.7
             unclear  it holds both: too few videos or sources to tell

    The interval draws sources. Below 0.5 is no leak: what the seen sources teach misleads on the others, as it must
    where both labels were given the same lengths or sizes one by one. The last columns say how often the generator of
    a generated clip is named right (folds by clip) beside always naming the most frequent one. Below the table: clips
    with nearly the same content, and how well features tell one real source from another. No leak found here is no
    proof that there is none.

    The first 4 s of each file are decoded. Exit code 0: done, whatever was found; 1: some files could not be read.

    \b
    Examples:
      dtr data leaks DeeptraceReward/
      dtr data leaks DeeptraceReward/ --split train --cache cache/image --json > leaks.json
    """
    from dtr.cli.outputs import check_output, write_output
    from dtr.cli.progress import progress
    from dtr.leaks.report import LeakOptions, leak_report

    check_output(out, "-o", root, options["facts_file"])
    check_output(options["facts_file"], "--facts", root)
    with progress("media, then probes") as tick:
        report = leak_report(root, LeakOptions(media=not fast, **options), on_media=tick, on_probe=tick)
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
    if out is not None:
        write_output(out, text + "\n", "-o")
    if as_json:
        click.echo(text)
    else:
        _print_report(report)
    for failure in report.failures:
        click.echo(f"dtr: error: {failure.kind}: {' '.join(failure.message.split())}", err=True)
    ctx.exit(1 if report.failures else 0)


def _print_report(report: LeakReport) -> None:
    from dtr.cli.data import _show, _table

    n = report.counts
    split = f"split {report.split}" if report.split else "all splits"
    click.echo(
        f"{report.root}, {split}: {n['videos']} videos ({n['fake']} fake, {n['real']} real), "
        f"{n['media_read']} {'canonical' if report.canonical else 'original'} files read"
    )
    columns = ("facts", "AUROC", "95 %", "leak", "videos", "told most by", "generator", "majority")
    table = _table(*columns, numbers={"AUROC", "videos", "generator", "majority"})
    for group in report.groups:
        table.add_row(*_cells(group))
    _show(table)
    for group in report.groups:
        if group.label is None:
            click.echo(f"{group.name}: left out: {group.skipped}")
        elif group.label.unknown or group.label.left_out:
            click.echo(f"{group.name}: {_unknown(group)}")
    _print_generators(report)
    _print_duplicates(report.duplicates)
    _print_floor(report.source_floor, report.source_floor_skipped)
    if report.one_label_folders:
        folders = ", ".join(report.one_label_folders[:5])
        click.echo(f"folders of one label only: {folders}; never let a model see the path of a file")
    for note in report.notes:
        click.echo(f"note: {note}")


def _cells(group: GroupResult) -> tuple[str, ...]:
    label, generator = group.label, group.generator
    told = ("–", "–", "–", "–", "–")
    if label is not None:
        strongest = ", ".join(f"{name} {area:.2f}" for name, area in label.strongest[:2])
        told = (
            f"{label.auroc:.3f}",
            _interval(label.interval),
            label.verdict,
            f"{label.num_fake + label.num_real:,}",
            strongest,
        )
    named = ("–", "–") if generator is None else (f"{generator.accuracy:.1%}", f"{generator.majority:.1%}")
    return (group.name, *told, *named)


def _unknown(group: GroupResult) -> str:
    """What the videos of a group do not say."""
    assert group.label is not None  # the caller looked
    parts = [f"{n} videos do not say {name}" for name, n in list(group.label.unknown.items())[:3]]
    more = len(group.label.unknown) - len(parts)
    parts += [f"{more} more columns have unknowns"] if more > 0 else []
    parts += [f"{group.label.left_out} videos left out: they say nothing of it"] if group.label.left_out else []
    return "; ".join(parts)


def _print_generators(report: LeakReport) -> None:
    first = next((group.generator for group in report.groups if group.generator is not None), None)
    if first is None:
        reasons = dict.fromkeys(group.generator_skipped for group in report.groups)
        click.echo(f"generator: not probed: {'; '.join(reasons)}")
        return
    click.echo(
        f"generator: {first.num_generators} generators with {first.num_clips} clips; {first.left_out_clips} clips of "
        "generators with too few clips left out"
    )


def _print_duplicates(found: DuplicateReport | None) -> None:
    if found is None:
        click.echo("copies: not looked for: no media was read")
        return
    n = found.counts
    click.echo(
        f"copies: {len(found.pairs)} pairs of {found.num_clips} clips look the same (at most {found.max_distance:g} of "
        f"64 bits apart): {n['across_splits']} across splits, {n['across_labels']} across labels, "
        f"{n['within_split_and_label']} within one split and label; {found.num_flat} clips have nothing to compare"
    )
    telling = [pair for pair in found.pairs if pair.across_splits or pair.across_labels]
    for pair in telling[:SHOWN_PAIRS]:
        sides = [
            f"{name} ({split or 'no split'}, {label}, {source or 'no source'})"
            for name, split, label, source in zip(
                (pair.first, pair.second), pair.splits, pair.labels, pair.sources, strict=True
            )
        ]
        click.echo(f"  {pair.distance:4.1f} bits: {' and '.join(sides)}")
    if len(telling) > SHOWN_PAIRS:
        click.echo(f"  … and {len(telling) - SHOWN_PAIRS} more; --json lists all")


def _print_floor(floor: SourceFloor | None, skipped: str) -> None:
    if floor is None:
        click.echo(f"real against real: not measured: {skipped}")
        return
    worst = next(iter(floor.sources))
    click.echo(
        f"real against real ({floor.features}): one of {len(floor.sources)} real sources is told from the others with "
        f"AUROC {floor.mean:.3f} on average, {floor.worst:.3f} at worst ({worst}); fake from real, by the same folds: "
        f"{floor.label_auroc:.3f} [{_interval(floor.label_interval)}]. {floor.meaning}"
    )


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}"
