"""`dtr models`: which detectors are at hand, and the card of each."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dtr.export.found import Found

EPILOG = """\b
Examples:
  dtr models                      # what is embedded, and what lies here and below runs/
  dtr models dtr-lite2            # card and facts of one
  dtr models detector.onnx
  dtr models runs/all/detector    # a detector folder; needs no torch
  dtr models --json
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME_OR_PATH]...")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON, one detector per line.")
def models(names: tuple[str, ...], as_json: bool) -> None:
    """List the detectors at hand, or show the card of the ones named.

    At hand are the embedded ones, and those of the current folder, its direct subfolders and its folder runs: ONNX
    files written by dtr export, and detector folders. The list reads what they say of themselves; one that is named is
    also opened, or compared with its hashes.
    """
    if not names:
        _list(as_json)
    for name in names:
        found, text = _open(name)
        if as_json:
            click.echo(json.dumps(facts(found)))
        else:
            _show(found, text)


def facts(found: Found) -> dict[str, Any]:
    """All that a detector says about itself, in plain JSON types."""
    info = found.info.to_json()
    info["heads"] = {name: spec.kind for name, spec in found.info.heads.items()}
    return {"name": found.name, "graph": found.form, "sha256": found.sha256, **info}


def card(name: str) -> str | None:
    """The model card beside an embedded detector or a file: `<name>.md`; None = there is none."""
    beside = Path(name).with_suffix(".md") if Path(name).suffix == ".onnx" else files("dtr.models") / f"{name}.md"
    return beside.read_text(encoding="utf-8") if beside.is_file() else None


def _list(as_json: bool) -> None:
    """One line per detector; what cannot be read is told on stderr."""
    from dtr.export.found import Found, embedded_detectors, local_detectors

    embedded, local = list(embedded_detectors()), list(local_detectors(Path()))
    if not embedded:
        click.echo("dtr: note: this installation carries no embedded detector; name an .onnx file", err=True)
    for failed in local:
        if not isinstance(failed, Found):
            click.echo(f"dtr: note: {' '.join(str(failed).split())}", err=True)
    groups = {"embedded": embedded, "here and below runs": [found for found in local if isinstance(found, Found)]}
    width = max((len(found.name) for group in groups.values() for found in group), default=0)
    for title, group in groups.items():
        if group and not as_json:
            click.echo(f"{title}:")
        for found in group:
            click.echo(json.dumps(facts(found)) if as_json else f"  {_line(found, width)}")


def _line(found: Found, width: int) -> str:
    """Name, id, heads, how many clips it was trained on and its AUROC, as far as it says."""
    from dtr.predictions.fields import printable

    info = found.info
    parts = [f"{found.name:<{width}}", info.model_id, ", ".join(info.heads)]
    clips = _within(info.training, "data", "fit", "videos")
    parts += [f"trained on {clips} clips"] if clips is not None else []
    auroc = _within(info.training, "test", "plain", "metrics", "video_auroc", "value")
    split = _within(info.training, "test_split")
    parts += [f"AUROC {auroc:.3f} on '{split}'"] if isinstance(auroc, int | float) else []
    return printable("  ".join(parts))


def _within(data: Any, *keys: str) -> Any:
    """The value under nested keys; None = a detector that says less."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _open(name: str) -> tuple[Found, str | None]:
    """A detector and its card, opened or compared with its hashes."""
    from dtr.detector import read_detector
    from dtr.detector_files import INFO_FILE
    from dtr.export.found import Found, open_folder
    from dtr.export.runtime import embedded_models, load_model

    folder = Path(name)
    if name not in embedded_models() and (folder / INFO_FILE).is_file():
        _, listed = read_detector(folder)
        text = (folder / "card.md").read_text(encoding="utf-8") if "card.md" in listed else None
        return open_folder(folder, name), text
    model = load_model(name)
    return Found(model.name, model.graph, model.sha256, model.info), card(name)


def _show(found: Found, text: str | None) -> None:
    from dtr.export.runtime import embedded_models
    from dtr.predictions.fields import printable

    for line in [] if text is None else [*text.rstrip().splitlines(), ""]:
        click.echo(printable(line))
    about = facts(found)
    for key in ("name", "model_id", "graph", "sha256", "backbone_id", "heads", "clock", "views", "thresholds"):
        click.echo(f"{key}: {printable(about[key]) if isinstance(about[key], str) else json.dumps(about[key])}")
    if found.name in embedded_models() and (files("dtr.models") / found.name / "detector.json").is_file():
        click.echo(f"start_from: {found.name}")
    if text is None:
        click.echo(f"training: {json.dumps(about['training'], indent=2)}")
