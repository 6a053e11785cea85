"""`dtr models`: which detectors are at hand, and the card of each."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dtr.export.runtime import OnnxModel

EPILOG = """\b
Examples:
  dtr models                  # what is embedded
  dtr models detector.onnx    # card and facts of a file
  dtr models --json
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME_OR_PATH]...")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON, one detector per line.")
def models(names: tuple[str, ...], as_json: bool) -> None:
    """List the embedded detectors, or show the card of the ones named."""
    from dtr.export.runtime import embedded_models, load_model

    listed = names or tuple(embedded_models())
    if not listed:
        click.echo("dtr: note: this installation carries no embedded detector; name an .onnx file", err=True)
    for name in listed:
        model = load_model(name)
        if as_json:
            click.echo(json.dumps(facts(model)))
        elif names:
            _show(model)
        else:
            _line(facts(model))


def facts(model: OnnxModel) -> dict[str, Any]:
    """All that a detector says about itself, in plain JSON types."""
    info = model.info.to_json()
    info["heads"] = {name: spec.kind for name, spec in model.info.heads.items()}
    return {"name": model.name, "graph": model.graph, "sha256": model.sha256, **info}


def card(name: str) -> str | None:
    """The model card beside an embedded detector or a file: `<name>.md`; None = there is none."""
    beside = Path(name).with_suffix(".md") if Path(name).suffix == ".onnx" else files("dtr.models") / f"{name}.md"
    return beside.read_text(encoding="utf-8") if beside.is_file() else None


def _line(about: dict[str, Any]) -> None:
    click.echo(f"{about['name']}  {about['model_id']}")
    click.echo(f"  heads: {', '.join(about['heads'])}; backbone: {about['backbone_id']}")
    for key, value in about["training"].items():
        if isinstance(value, str | int | float):
            click.echo(f"  {key}: {value}")


def _show(model: OnnxModel) -> None:
    text = card(model.name)
    if text is not None:
        click.echo(text.rstrip() + "\n")
    about = facts(model)
    for key in ("name", "model_id", "graph", "sha256", "backbone_id", "heads", "clock", "views", "thresholds"):
        click.echo(f"{key}: {about[key] if isinstance(about[key], str) else json.dumps(about[key])}")
    if text is None:
        click.echo(f"training: {json.dumps(about['training'], indent=2)}")
