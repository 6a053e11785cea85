"""Everything of an evaluation on one page: one file, no network, nothing in it that changes from run to run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dtr.batch_run import write_text_atomically
from dtr.errors import ConfigError, MissingExtraError
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.published import FAKE_ROWS, REAL_ROWS
from dtr.evaluation.titles import TITLES
from dtr.report import charts, tables
from dtr.report.drawing import frame_picture, time_picture
from dtr.report.gallery import PER_GROUP, gallery

MAX_MODELS = 3
"""Model ids in the title; the others are counted there and listed under provenance."""

BLOCKS = (
    (
        "paper",
        "The paper's protocol",
        "0–100, accuracy per row. A generated video called REAL, or without a usable box or time, scores worst.",
        1,
    ),
    ("per_video", "The public explorer's protocol", "The same with accuracy per video; only what differs.", 1),
    ("label", "Real or fake", "Per video; rates and scores in [0, 1].", 3),
    (
        "own",
        "Place, time and kind under its own labels",
        "Only videos that it called fake are answered; floors answer the same videos.",
        3,
    ),
    (
        "oracle",
        "Place, time and kind under oracle labels",
        "Model and floors answer every generated video, so that recall cannot hide in place and time.",
        3,
    ),
)
"""Name in the evaluation, title, words below it, digits."""


def write_report(evaluation: Evaluation, path: str | Path, *, command: str = "", clips: int = PER_GROUP) -> Path:
    """Write an evaluation as one HTML file.

    Frames of the media, where they are there, become part of the file. A file that cannot be read never stops it.

    Args:
        evaluation: from `dtr.evaluation.evaluate.evaluate` or `dtr.evaluation.files.evaluate_files`.
        path: to write; its folder exists.
        command: that made it, for the section on provenance.
        clips: of each of the four groups of the gallery, at most; each costs one decoding. 0 = no gallery.

    Returns:
        The path.

    Raises:
        ConfigError: the file cannot be written.
        MissingExtraError: Jinja2 is not installed.
    """
    path = Path(path)
    page = render(evaluation, command=command, clips=clips)
    try:
        write_text_atomically(path, page)
    except OSError as error:
        raise ConfigError(f"cannot write '{path}': {error.strerror or error}; choose another file") from error
    return path


def render(evaluation: Evaluation, *, command: str = "", clips: int = PER_GROUP) -> str:
    """The page as text; arguments as for `write_report`.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    environment = templates()
    script = environment.get_template("sort.js").render()
    context = _context(evaluation, command, clips)
    page = environment.get_template("page.html").render(script_hash=_hash(script), **context)
    # Ids and explanations are anybody's: half a surrogate pair cannot be written as UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def templates(package: str = "dtr.report") -> Any:
    """The Jinja2 environment of the report's templates.

    Args:
        package: whose own templates are found as well, before those of the report.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "expected the package 'jinja2' to write a report, which is not installed; "
            "run: pip install 'dtr-video[report]'"
        ) from error
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(name, ".") for name in dict.fromkeys((package, "dtr.report"))]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _hash(script: str) -> str:
    """The only script that the page's content policy lets run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _context(found: Evaluation, command: str, clips: int) -> dict[str, Any]:
    headline = tables.headline(found)
    return {
        "name": _name(found),
        "headline": headline,
        "verdict": tables.verdict_line(headline),
        "truth": found.coverage["truth"],
        "split": _split(found),
        "media": found.provenance.get("media", "not stated"),
        "notes": found.notes,
        "blocks": list(_blocks(found)),
        "published": tables.published_rows(found),
        "published_columns": tables.published_columns(),
        "published_counts": (FAKE_ROWS, REAL_ROWS),
        "gradient": charts.gradient(found),
        "label_charts": [*charts.roc(found), charts.reliability(found), charts.risk_coverage(found)],
        "overlap_charts": charts.overlaps(found),
        "confusions": _confusions(found),
        "slices": tables.slice_tables(found.slices),
        "operating": found.operating,
        "counts": list(_flat(found.coverage)),
        "groups": gallery(found.items, clips) if clips else [],
        "frame_picture": frame_picture,
        "time_picture": time_picture,
        "provenance": [*([("command", command)] if command else []), *_flat(found.provenance)],
        "standings": tables.STANDINGS,
    }


def _name(found: Evaluation) -> str:
    models = list(found.provenance.get("model_ids") or ())
    if not models:
        file = (found.provenance.get("predictions") or {}).get("file")
        return str(file or "predictions")
    more = f" and {len(models) - MAX_MODELS} more" if len(models) > MAX_MODELS else ""
    return ", ".join(models[:MAX_MODELS]) + more


def _split(found: Evaluation) -> str:
    names = list(found.provenance.get("split") or ())
    return f"split {', '.join(names)}" if names else "all videos"


def _blocks(found: Evaluation) -> Iterator[dict[str, Any]]:
    """The tables of figures; those without words of their own (each single overlap) are folded away."""
    for name, title, words, digits in BLOCKS:
        block = found.blocks[name]
        known = [k for k in block if k in TITLES and (name != "per_video" or k in tables.EXPLORER)]
        yield {
            "key": name,
            "title": title,
            "words": words,
            "rows": tables.figure_rows(block, digits, known),
            "folded": tables.figure_rows(block, digits, [k for k in block if k not in TITLES]),
        }


def _confusions(found: Evaluation) -> list[dict[str, Any]]:
    """Tags down, top category across; without any tagged row there is nothing to show."""
    names = found.confusion.get("names") or []
    words = {"oracle": "oracle labels", "own": "own labels"}
    return [
        {"title": title, "names": names, "rows": list(zip(names, tables.heat(found.confusion[policy]), strict=True))}
        for policy, title in words.items()
        if any(map(sum, found.confusion.get(policy) or ()))
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name, value) of nested plain JSON in its order; a mapping of plain values is one line."""
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if not isinstance(value, Mapping):
            yield name, _plain(value)
        elif any(isinstance(v, Mapping | list | tuple) for v in value.values()):
            yield from _flat(value, f"{name} · ")
        else:
            words = [f"{k.replace('_', ' ')} {_plain(v)}" for k, v in value.items()]
            yield name, ", ".join(words) or "none"


def _plain(value: Any) -> str:
    """A value in words.

    Example:
        >>> _plain([0.123456, 1, True, "a"]), _plain(None), _plain([])
        ('0.1235, 1, yes, a', 'none', 'none')
    """
    if isinstance(value, list | tuple):
        return ", ".join(_plain(v) for v in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
