"""`dtr doctor`: the findings of `dtr.doctor`, and whether each embedded detector opens."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

EPILOG = """\b
Examples:
  dtr doctor
  dtr doctor --json
\b
Exit code: 0 dtr detect can work, 1 something it needs is broken.
"""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> int:
    """Say what is installed, what is wrong and how to mend it."""
    from dtr.doctor import Check, examine, report

    checks = [*examine(), *(Check("models", "broken", why, fix) for why, fix in _unopenable())]
    findings = report(checks)
    if as_json:
        click.echo(json.dumps(findings))
        return 0 if findings["ok"] else 1
    marks = {"ok": ("ok", "green"), "note": ("-", "white"), "warning": ("!", "yellow"), "broken": ("BROKEN", "red")}
    for check in checks:
        word, colour = marks[check.status]
        click.echo(f"{click.style(f'{word:>6}', fg=colour)}  {check.name}: {check.detail}")
        if check.fix:
            click.echo(f"{'':8}-> {check.fix}")
    click.echo("\ndtr detect can work" if findings["ok"] else "\ndtr detect cannot work: mend what is BROKEN")
    return 0 if findings["ok"] else 1


def _unopenable() -> Iterator[tuple[str, str]]:
    """Embedded detectors that do not open: (why, fix)."""
    from importlib.util import find_spec

    from dtr.errors import DetectorError

    if find_spec("onnxruntime") is None:
        return
    from dtr.export.runtime import embedded_models, load_model

    for name in embedded_models():
        try:
            load_model(name)
        except DetectorError as error:
            yield str(error), "pip install --force-reinstall --no-deps dtr-video"
