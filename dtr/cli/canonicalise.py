"""`dtr data canonicalise`: both classes through one recipe, as files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dtr.canonical.run import CanonicalReport

SPLITS = ("train", "val", "test")


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--fps", type=float, default=6.0, show_default=True, help="Constant frame rate of every file.")
@click.option("--short-side", type=int, default=256, show_default=True, help="Pixels of the shorter side; even.")
@click.option("--enlarge", type=float, default=1.1, show_default=True, help="Clips that need more keep their size.")
@click.option("--seconds", type=float, default=4.0, show_default=True, help="Longest clip; the start is kept.")
@click.option("--crf", type=int, default=23, show_default=True, help="Quality of x264; lower is better.")
@click.option("--gop", type=int, default=12, show_default=True, help="Frames from one key frame to the next.")
@click.option(
    "--slow",
    type=click.Choice(["leave-out", "repeat"]),
    default="leave-out",
    show_default=True,
    help="Clips slower than --fps: left out and listed, or their frames repeated (which can name the label).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which of equally long clips are cut.")
@click.option("--split", type=click.Choice(SPLITS), help="Only this split.  [default: all]")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many videos, spread evenly; for a try.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes; 0 = none beside this one.  [default: half]")
@click.option("--long", "is_long", is_flag=True, help="Lift the limits on length and size of a source file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def canonicalise(
    ctx: click.Context,
    root: Path,
    out: Path,
    split: str | None,
    limit: int | None,
    workers: int | None,
    is_long: bool,
    as_json: bool,
    **recipe: Any,
) -> None:
    """Write the videos of ROOT to OUT so that file facts no longer tell real from fake.

    Every file becomes H.264 (yuv420p) in MP4 with the same profile, key-frame distance, quality and constant frame
    rate, the shorter side at one size (shape kept), rotation applied, no sound and no tags. Clips are cut to --seconds,
    and within each split the longer class (as a rule, the real one) is cut further, until both have the same
    distribution of lengths. The same input and recipe give the same bytes.

    OUT is a data set in the released form: all_data.json with spans and boxes mapped, traces behind the cut dropped and
    counted; videos/ and real_videos/ with names that tell nothing (the folder still tells the label; ids are in the
    rows). canonical.json holds recipe and counts, canonical_manifest.jsonl what changed of every file.

    What stays: the frame's shape, the bytes that a picture needs, black bars, marks inside the picture, and the uneven
    motion of sources whose rate is no multiple of --fps. `dtr data leaks OUT` measures how much that tells.

    The same command continues an interrupted run and tries failed files again. Another recipe needs another OUT.

    \b
    Example:
      dtr data canonicalise DeeptraceReward/ canonical/
      dtr data canonicalise DeeptraceReward/ try/ --split val --limit 20
      dtr detect canonical/videos --annotations canonical/ --format predictions

    Exit code 0: all done, slow clips left out included; 1: some files failed; 2: wrong usage.
    """
    from dtr.canonical.recipe import CanonicalRecipe
    from dtr.canonical.run import CanonicalOptions, canonicalise
    from dtr.video import Limits

    options = CanonicalOptions(
        split=split,
        limit=limit,
        workers=max(1, (os.cpu_count() or 2) // 2) if workers is None else workers,
        limits=Limits.long() if is_long else Limits(),
    )
    with _progress() as on_progress:
        report = canonicalise(root, out, CanonicalRecipe(**recipe), options, on_progress=on_progress)
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else _text(report))
    ctx.exit(1 if report.failures else 0)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per stage on standard error, shown on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done)

        yield on_progress


def _text(report: CanonicalReport) -> str:
    counts = report.info["counts"]
    lines = [f"{report.out}: {report.made_now} files written now"]
    for label in ("fake", "real"):
        n = counts[label]
        left = f"{n['slow']} left out as too slow, {n['failed']} failed"
        lines.append(
            f"  {label}: {n['made']} of {n['videos']} videos ({left}); {n['with_repeated_frames']} with repeated "
            f"frames, {n['cut_at_seconds']} cut to the longest length, {n['cut_to_match']} cut to match lengths, "
            f"{n['enlarged']} enlarged, {n['below_short_side']} too small for the short side"
        )
    t = counts["traces"]
    lines.append(
        f"  traces: {t['after']} of {t['before']} kept ({t['dropped']} begin after the cut), {t['clipped']} end with "
        f"the clip, {t['between_frames']} fall between two frames, {t['without_time']} have no time in a cut clip"
    )
    lines += [f"  {loss}" for loss in report.info["losses"]]
    lines += [f"slow: {video_id}" for video_id in report.slow]
    lines += [f"failed: {f['video_id']}: {f['message']}" for f in report.failures]
    return "\n".join(lines)
