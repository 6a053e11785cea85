from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from dtr.errors import AnnotationError
from dtr.traces.gallery import read_traces, spread, write_gallery
from dtr.traces.recipe import SynthRecipe
from dtr.traces.run import SynthOptions, synthesise_clips
from dtr.traces.sources import read_sources
from dtr.traces.synthesise import SynthSpec
from tests.synth_clips import disc_set


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    root = disc_set(folder / "set", media, **{"<script>alert(1)": {"label": "fake"}, "r0": {"label": "real"}})
    spec = SynthSpec(traces=(1, 1), severity=(0.9, 1.0), mechanisms=("Object Distortion",), use="all")
    recipe = SynthRecipe(spec=spec, short_side=(96, 96))
    synthesise_clips(read_sources([str(root)]), folder / "out", recipe, SynthOptions(per_clip=2, workers=0))
    return folder / "out"


def test_write_gallery__is_one_file_without_scripts_or_addresses(out: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = write_gallery(out, tmp_path / "g.html", on_progress=lambda done, total: seen.append((done, total)))
    page = path.read_text(encoding="utf-8")
    found, _ = read_traces(out)
    assert seen[-1] == (len(found), len(found))
    assert page.count('<article class="trace') == len(found)
    assert page.count("data:image/jpeg;base64,") == len(found) * 13
    assert not re.search(r"(src|href)=(?!\"data:image/jpeg;base64,)|url\(|<script", page)
    assert "&lt;script&gt;alert(1)" in page
    assert "Gen &lt;1&gt;" in page
    for shown in found:
        assert shown.facts["mechanism"] in page
    assert len(page) / len(found) < 250_000
    again = write_gallery(out, tmp_path / "h.html").read_text(encoding="utf-8")
    assert again == page


def test_write_gallery__takes_turns_and_says_how_many_there_are(out: Path, tmp_path: Path) -> None:
    found, _ = read_traces(out)
    few = spread(found, 2)
    assert len(few) == 2
    kinds = {shown.facts["mechanism"] for shown in found}
    assert len({shown.facts["mechanism"] for shown in few}) == min(2, len(kinds))
    page = write_gallery(out, tmp_path / "g.html", count=2).read_text(encoding="utf-8")
    assert f"2 of {len(found)} shown" in " ".join(page.split())


def test_write_gallery__says_what_it_cannot_show(out: Path, tmp_path: Path) -> None:
    found, _ = read_traces(out)
    held = found[0].video.path.read_bytes()
    try:
        found[0].video.path.write_bytes(b"no video")
        page = write_gallery(out, tmp_path / "g.html").read_text(encoding="utf-8")
    finally:
        found[0].video.path.write_bytes(held)
    assert page.count('<p class="small missing">') >= 1


def test_write_gallery__needs_a_finished_folder(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="expected a finished folder of dtr synth"):
        write_gallery(tmp_path, tmp_path / "g.html")
