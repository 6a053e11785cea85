"""All probes of a folder of synthesised traces, and what they say in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.leaks.media_facts import FailedFile
from dtr.leaks.tables import GROUPS, clip_of
from dtr.traces.catalogue import MECHANISMS
from dtr.traces.probe_features import INSIDE_COLUMNS, PATCH_COLUMNS, STATISTIC_COLUMNS
from dtr.traces.probe_null import NullEdit
from dtr.traces.probe_pairs import PairFigures, TraceFigures
from dtr.traces.probe_statistics import Probed, probe_pairs
from dtr.traces.probe_texture import MechanismTexture, mechanism_textures

FloatArray = NDArray[np.float64]

BANDS = (("severity below 0.4", 0.0, 0.4), ("severity 0.4 to 0.7", 0.4, 0.7), ("severity above 0.7", 0.7, 1.01))

AIM = 0.05
"""Facts of the file and statistics of the whole clip should tell no more than this beyond 0.5."""

FILE_GROUPS = ("metadata", "bit rate", "container", "file name", "repeated frames")
"""Groups of `dtr.leaks.tables` that concern the file, not the picture."""


@dataclass(frozen=True)
class ProbeReport:
    """All probes of a folder.

    Attributes:
        folder: that was read. seed: of everything.
        num_pairs, num_bases, num_traces, num_null: that were looked at.
        left_out: pairs that were not drawn.
        probes: of the file, of the whole clip, of the trace's border, of its inside, of null edits.
        textures: by mechanism.
        failures: pairs whose files could not be read.
    """

    folder: str
    seed: int
    num_pairs: int
    num_bases: int
    num_traces: int
    num_null: int
    left_out: int
    probes: tuple[Probed, ...]
    textures: tuple[MechanismTexture, ...]
    failures: tuple[FailedFile, ...] = ()

    @property
    def over_aim(self) -> tuple[Probed, ...]:
        """Probes of files and of whole clips whose AUROC is beyond the aim, and its interval above 0.5."""
        judged = [p for p in self.probes if p.probe.startswith(("file:", "statistics")) and p.part == "all"]
        return tuple(p for p in judged if p.auroc is not None and p.auroc - 0.5 > AIM and p.is_above_chance)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        failures = [{"path": str(f.path), "kind": f.kind, "message": f.message} for f in self.failures]
        over = [p.probe for p in self.over_aim]
        return {"schema": 1, **asdict(self), "failures": failures, "aim": AIM, "over_aim": over}


def report_of(figures: Sequence[PairFigures], nulls: Sequence[NullEdit], *, seed: int = 0) -> ProbeReport:
    """All probes of what was measured.

    Args:
        figures: of pairs. nulls: edits that cannot be seen, as a control.
        seed: of folds and bootstraps.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    traces = [trace for found in figures for trace in found.traces]
    faint = [null.figures for null in nulls if null.figures is not None]
    probes = (
        *_file_probes(figures, seed),
        *_statistics_probes(figures, seed),
        *_trace_probes(traces, seed),
        *_null_probes(faint, seed),
    )
    return ProbeReport(
        folder="",
        seed=seed,
        num_pairs=len(figures),
        num_bases=len({found.pair.base for found in figures}),
        num_traces=len(traces),
        num_null=len(faint),
        left_out=0,
        probes=probes,
        textures=mechanism_textures(traces, nulls),
    )


def _file_probes(figures: Sequence[PairFigures], seed: int) -> Iterator[Probed]:
    """One probe for each group of facts that concern the file."""
    if not figures:
        return
    bases = [found.pair.base for found in figures]
    sides = [[(f.pair.twin, f.media[0]) for f in figures], [(f.pair.traced, f.media[1]) for f in figures]]
    clips = [clip_of(VideoAnnotation(path.stem, path, None), {}, media) for side in sides for path, media in side]
    for group in (g for g in GROUPS if g.name in FILE_GROUPS):
        table = group.build(clips)
        twin, traced = np.split(table.values, 2)
        yield probe_pairs(f"file: {group.name}", "all", twin, traced, bases, table.columns, seed=seed)


def _statistics_probes(figures: Sequence[PairFigures], seed: int) -> Iterator[Probed]:
    for part, low, high in (("all", 0.0, 2.0), *BANDS):
        chosen = [f for f in figures if low <= f.pair.severity < high]
        values = _stacked([f.statistics for f in chosen], len(STATISTIC_COLUMNS))
        bases = [f.pair.base for f in chosen]
        yield probe_pairs("statistics", part, values[:, 0], values[:, 1], bases, STATISTIC_COLUMNS, seed=seed)


def _trace_probes(traces: Sequence[TraceFigures], seed: int) -> Iterator[Probed]:
    """Border and inside by severity and mechanism; places elsewhere, which should tell nothing; border or elsewhere.

    "Still" leaves out changes from frame to frame: most traces are a motion, which is what should be seen of them.
    """
    for name in ("border", "inside"):
        for part, chosen in (*_bands(traces), *_by_mechanism(traces)):
            yield _of_table(name, part, chosen, seed)
        for part, chosen in _bands(traces):
            yield replace(_of_table(name, part, chosen, seed, still=True), probe=f"{name}, still")
    yield replace(_of_table("elsewhere", "all", traces, seed), probe="elsewhere (control)")
    bases = [t.base for t in traces]
    away, border = (
        _stacked([getattr(t, name) for t in traces], len(PATCH_COLUMNS)) for name in ("elsewhere", "border")
    )
    for side, word in enumerate(("twin, control", "traced")):
        name = f"border or elsewhere ({word})"
        yield probe_pairs(name, "all", away[:, side], border[:, side], bases, PATCH_COLUMNS, seed=seed)


def _null_probes(faint: Sequence[TraceFigures], seed: int) -> Iterator[Probed]:
    for name in ("border", "inside"):
        for part, chosen in (("all", list(faint)), *_by_mechanism(faint)):
            yield replace(_of_table(name, part, chosen, seed), probe=f"null edits: {name}")


def _of_table(table: str, part: str, traces: Sequence[TraceFigures], seed: int, *, still: bool = False) -> Probed:
    columns = INSIDE_COLUMNS if table == "inside" else PATCH_COLUMNS
    values = _stacked([getattr(t, table) for t in traces], len(columns))
    kept = [i for i, name in enumerate(columns) if not (still and "flicker" in name)]
    names, bases = [columns[i] for i in kept], [t.base for t in traces]
    return probe_pairs(table, part, values[:, 0, kept], values[:, 1, kept], bases, names, seed=seed)


def _bands(traces: Sequence[TraceFigures]) -> Iterator[tuple[str, list[TraceFigures]]]:
    yield "all", list(traces)
    for part, low, high in BANDS:
        yield part, [t for t in traces if low <= t.severity < high]


def _by_mechanism(traces: Sequence[TraceFigures]) -> Iterator[tuple[str, list[TraceFigures]]]:
    for mechanism in MECHANISMS:
        chosen = [t for t in traces if t.mechanism == mechanism.name]
        if chosen:
            yield mechanism.name, chosen


def _stacked(tables: Sequence[FloatArray], width: int) -> FloatArray:
    """(N, 2, F) tables of pairs."""
    return np.stack(tables) if tables else np.zeros((0, 2, width))
