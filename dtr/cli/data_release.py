"""`dtr data convert|unpack|standin`: from one form of a data set to another, and from the download to media files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dtr.cli.progress import progress

if TYPE_CHECKING:
    from dtr.data.convert import ConvertReport, Form
    from dtr.data.standin import Layout
    from dtr.data.unpack import UnpackReport

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
LISTED = 5
"""So many names of a list are shown; --json has all."""


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"expected a finite number, got {value}")
    return value


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="IN")
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.option(
    "--to",
    "form",
    required=True,
    type=click.Choice(["release", "jsonl", "folder"]),
    help="release: all_data.json; jsonl: annotations.jsonl; folder: real/ and fake/<generator>/.",
)
@click.option(
    "--link/--copy", default=True, show_default=True, help="Link to the media (symbolic links), or copy them."
)
@_JSON
def convert(source: Path, out: Path, form: Form, link: bool, as_json: bool) -> None:
    """Write the data set IN in another form to the folder OUT.

    IN is anything that `dtr data check` reads. OUT appears when it is whole; one with content is refused, and an
    interrupted run is continued by the same command. What the new form can't hold is counted and said: jsonl holds
    everything, release holds one box a trace, folder holds labels and generators only. docs/annotations.md describes
    the forms.

    \b
    Examples:
      dtr data convert DeeptraceReward/ set/ --to jsonl
      dtr data convert my_clips/ set/ --to release --copy
    """
    from dtr.data.convert import convert as run

    with progress("placing media") as on_progress:
        report = run(source, out, form, copy=not link, on_progress=on_progress)
    click.echo(
        json.dumps(report.to_json(), indent=1) if as_json else _convert_text(report, "links" if link else "copies")
    )


@click.command()
@click.argument("download", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option(
    "--max-gb",
    type=click.FloatRange(0, min_open=True),
    callback=_finite,
    help="Most that may come out, in GiB.  [default: 64]",
)
@_JSON
@click.pass_context
def unpack(ctx: click.Context, download: Path, out: Path | None, max_gb: float | None, as_json: bool) -> None:
    """Unpack the media of the downloaded release at DOWNLOAD to OUT (default: DOWNLOAD itself).

    Reads `videos.zip`, or its pieces `videos.zip.001`, `videos.zip.002`, … without joining them on the disk, and
    `real_video.zip`. Makes OUT/videos, OUT/real_videos and OUT/all_data.json. Every file is checked by its CRC; an
    interrupted run is continued by the same command; nothing is overwritten.

    \b
    Example:
      dtr data unpack download/ DeeptraceReward/

    Exit code 0: all is there; 1: some file is damaged, or an archive can't be used.
    """
    from dtr.data.unpack import UnpackLimits
    from dtr.data.unpack import unpack as run

    limits = UnpackLimits() if max_gb is None else UnpackLimits(total_bytes=int(max_gb * 2**30))
    with progress("unpacking (bytes)") as on_progress:
        report = run(download, out, limits=limits, on_progress=on_progress)
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else _unpack_text(report))
    ctx.exit(1 if report.failures else 0)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--videos", type=click.IntRange(min=20), default=60, show_default=True, help="Half of them generated.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same files.")
@click.option(
    "--layout",
    type=click.Choice(["pieces", "zip"]),
    default="pieces",
    show_default=True,
    help="videos.zip.001 …, or videos.zip.",
)
def standin(out: Path, videos: int, seed: int, layout: Layout) -> None:
    """Make a small stand-in of the downloaded release at OUT, to try the commands on before the download.

    The files have the exact form of the DeeptraceReward release, with its quirks: several rows a video, blanks, numbers
    as strings, media without a row, sound on camera clips only. The clips are photographs filmed by a virtual camera,
    with synthetic traces; what is trained on them is worth nothing.

    \b
    Example:
      dtr data standin download/
      dtr data unpack download/ DeeptraceReward/
    """
    from dtr.data.standin import write_standin

    counts = write_standin(out, videos=videos, seed=seed, layout=layout)
    click.echo(f"{counts['videos']} videos in {counts['rows']} rows, {counts['files']} media files in archives: {out}")


def _convert_text(report: ConvertReport, how: str) -> str:
    lines = [f"{report.videos} videos, {report.traces} traces, {how} of {report.media} media files: {report.out}"]
    lines += [f"lost: {words}" for words in report.losses]
    if report.missing:
        lines.append(f"media not found: {_names(report.missing)}")
    if report.unopened:
        lines.append(f"media that can't be opened, so that size or rate stay unknown: {_names(report.unopened)}")
    return "\n".join(lines)


def _unpack_text(report: UnpackReport) -> str:
    size = f"{report.num_bytes / 1e9:.2f} GB"
    lines = [f"{report.made} files unpacked, {report.ready} were there, {size}: {report.out}"]
    if report.skipped:
        lines.append(f"left out, no media: {_names(report.skipped)}")
    if not report.has_rows:
        lines.append("note: the download has no all_data.json; put it beside videos/ and real_videos/")
    lines += [f"failed: {path}: {reason}" for path, reason in report.failures.items()]
    return "\n".join(lines)


def _names(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} ({', '.join(names[:LISTED])}{more})"
