"""`dtr features`: run the backbone once over a data set and keep its features for training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dtr.errors import ConfigError

if TYPE_CHECKING:
    from dtr.annotation import VideoAnnotation
    from dtr.featurise import Estimate, FeaturiseReport


@click.command()
@click.option("--config", required=True, help="YAML file; those in configs/features/ ship with DTR.")
@click.option("--data", type=click.Path(path_type=Path), help="Data set: a folder or file that `dtr data check` reads.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the cache; a finished part is not made again.")
@click.option("--split", "splits", multiple=True, help="Only this split (may be given again).  [default: all]")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many videos, spread evenly over the data set.")
@click.option("--workers", type=click.IntRange(min=0), help="Decoding processes.  [default: half the CPUs]")
@click.option("--views-per-clip", type=click.IntRange(min=0), help="Augmented variants of every clip.  [default: 0]")
@click.option(
    "--synth-per-clip", type=click.IntRange(min=0), help="Variants with synthesised traces of every clip.  [default: 0]"
)
@click.option("--pseudo-per-clip", type=click.IntRange(min=0), help="Pseudo-fakes of every camera clip.  [default: 0]")
@click.option(
    "--networks", type=click.Path(path_type=Path), help="Networks that make pseudo-fakes; dtr pseudo trains them."
)
@click.option(
    "--canonical", is_flag=True, default=None, help="Also every clip through one recipe (size, codec, length)."
)
@click.option("--seed", type=int, help="Of the augmentations.  [default: 0]")
@click.option("--device", help="auto, cpu, cuda, cuda:1, …  [default: auto]")
@click.option(
    "--engine",
    type=click.Choice(["torch", "onnx"]),
    default="torch",
    show_default=True,
    help="What runs an image backbone: onnx is about twice as fast on a CPU, and equal but for rounding.",
)
@click.option("--decoder", type=click.Choice(["pyav", "decord"]), help="[default: pyav]")
@click.option("--strict", is_flag=True, default=None, help="Damaged files are failures.")
@click.option("--long", is_flag=True, default=None, help="Lift the limits on length and size of a file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def features(ctx: click.Context, config: str, engine: str, as_json: bool, **given: Any) -> None:
    """Make the features that heads are trained on, once.

    Options given here win over the same keys of the YAML file (backbone, data, out, splits, limit, workers,
    views_per_clip, synth_per_clip, synth, pseudo_per_clip,
    networks, canonical, augment, seed, device, decoder, strict, long, dtype). An interrupted run is continued by
    the same command. Files that fail are listed in failures.jsonl of the cache; the rest is made.

    \b
    Examples:
      dtr features --config configs/features/image.yaml --data DeeptraceReward/ --out cache/image
      dtr features --config my.yaml --data DeeptraceReward/ --out cache/mine --split train --views-per-clip 2

    Exit code 0: all done; 1: some clips failed; 2: wrong usage.
    """
    from dtr.cli.features_config import read_config
    from dtr.featurise import featurise
    from dtr.fit import shipped_config

    settings = read_config(Path(shipped_config(config)), {k: v for k, v in given.items() if v is not None and v != ()})
    _require_cache_folder(settings.out)
    videos = _videos(settings.data, settings.splits, settings.limit)
    backbone = settings.build_backbone()
    if engine == "onnx":
        from dtr.export.backbone_engine import onnx_engine

        runs_it: Any = backbone
        runs_it.engine = onnx_engine(backbone)
    with _progress() as (on_start, on_progress):
        report = featurise(
            videos, backbone, settings.out, settings.options(), on_start=on_start, on_progress=on_progress
        )
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else _text(report))
    ctx.exit(1 if report.failures else 0)


def _require_cache_folder(out: Path) -> None:
    """Features never go among other files: the folder is new, empty, or holds what an earlier run left.

    Raises:
        ConfigError: it holds something else, and no cache.
    """
    from dtr.cache import CLIP_FOLDER, RECIPE_FILE

    if not out.is_dir() or (out / RECIPE_FILE).is_file():
        return
    for path in sorted(out.iterdir()):
        # A run that is stopped at its very beginning leaves an empty folder of clips, and perhaps a temporary file.
        begun = path.name.startswith(f".{RECIPE_FILE}.") or (path.name == CLIP_FOLDER and not any(path.iterdir()))
        if not begun:
            raise ConfigError(
                f"--out: expected a new folder or a feature cache, got {out}, which holds other files (such as "
                f"{path.name}); choose another folder"
            )


def _videos(data: Path, splits: tuple[str, ...], limit: int | None) -> list[VideoAnnotation]:
    """Annotated videos of the wanted splits, all or `limit` of them.

    Raises:
        ConfigError: none is left.
    """
    from dtr.data.dataset import read_dataset

    found = [v for v in read_dataset(data).videos if not splits or v.split in splits]
    if not found:
        wanted = f" in split {', '.join(splits)}" if splits else ""
        raise ConfigError(f"--data: expected videos{wanted}, found none in {data}; see dtr data stats")
    if limit is not None and limit < len(found):
        found = [found[i * len(found) // limit] for i in range(limit)]
    return found


@contextmanager
def _progress() -> Iterator[tuple[Callable[[Estimate], None], Callable[[int, int], None]]]:
    """A progress bar on standard error, shown on a terminal only; the estimate is printed there in any case."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("features"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("features", total=None)

        def on_start(estimate: Estimate) -> None:
            click.echo(_estimate_text(estimate), err=True)

        yield on_start, lambda done, total: bar.update(task, completed=done, total=total)


def _estimate_text(estimate: Estimate) -> str:
    time = "" if estimate.seconds is None else f", about {_duration(estimate.seconds)}"
    size = f"about {estimate.num_bytes / 1e6:.0f} MB on disk"
    return f"{estimate.clips} clips to make ({estimate.ready} ready): {size}{time}"


def _text(report: FeaturiseReport) -> str:
    clips = report.made + report.ready
    per_clip = report.num_bytes / max(1, clips) / 1e6
    lines = [
        f"{report.made} clips made, {report.ready} ready, {len(report.failures)} failed: {report.folder}",
        f"{report.clips_per_s:.2f} clips/s in {_duration(report.wall_s)} (decoding {report.decode_s:.1f} s in all "
        f"workers, backbone {report.backbone_s:.1f} s, writing {report.write_s:.1f} s)",
        f"{report.num_bytes / 1e6:.1f} MB on disk, {per_clip:.2f} MB a clip; features of {report.backbone_id}",
    ]
    lines += [f"damaged: {name}: {'; '.join(what)}" for name, what in sorted(report.damaged.items())]
    lines += [f"failed: {f['video_id']} ({f['variant']}): {f['message']}" for f in report.failures]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    """Seconds as a person says them.

    Example:
        >>> _duration(42.3), _duration(3725)
        ('42 s', '1 h 02 min')
    """
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
