from __future__ import annotations

import base64
import builtins
import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dtr.cli.main import run
from dtr.errors import ConfigError, MissingExtraError
from dtr.evaluation.evaluation import Evaluation
from dtr.report import write_report
from dtr.report.page import render

VOID = {"meta", "br", "wbr", "rect", "line", "circle", "polyline", "image"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


@pytest.fixture(scope="module")
def text(evaluation: Evaluation) -> str:
    return render(evaluation, command="dtr evaluate 'a <b>.jsonl' --html x.html")


def test_render__makes_hostile_words_inert(text: str) -> None:
    page = Page(text)
    assert len(page.of("script")) == 1
    assert page.of("img") == []
    assert not [name for _, attributes in page.seen for name in attributes if name.startswith("on")]
    assert "{{ 7*7 }}" in page.text
    assert page.text.count("alert(1)") >= 5  # ids, sources, explanations, notes and model ids, as words
    assert "'a <b>.jsonl'" in page.text


def test_render__loads_nothing_from_anywhere(text: str) -> None:
    page = Page(text)
    links = [a[k] or "" for _, a in page.seen for k in ("src", "href", "srcset", "action", "data", "poster") if k in a]
    assert links
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in links)
    styles = "".join(re.findall(r"<style>.*?</style>", text, re.DOTALL)) + "".join(
        a.get("style") or "" for _, a in page.seen
    )
    assert "url(" not in styles
    assert "@import" not in styles


def test_render__lets_only_its_own_script_run(text: str) -> None:
    policy = next(a["content"] for a in Page(text).of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_render__has_everything_with_its_floor(evaluation: Evaluation, text: str) -> None:
    page = Page(text)
    ids = {a["id"] for _, a in page.seen if "id" in a}
    assert {"notes", "tables", "published", "charts", "confusion", "slices", "gallery", "coverage", "provenance"} <= ids
    assert all(a["href"][1:] in ids for a in page.of("a") if a["href"])
    for block in evaluation.blocks.values():
        assert all(c.best is None or c.best in page.text for c in block.values())
    assert "precision of its labels" in page.text
    assert "ab12" in page.text
    assert "media not there" in page.text
    assert "and 1 more" in page.text


def test_render__tells_every_picture_in_words(text: str) -> None:
    pictures = Page(text).of("svg")
    assert len(pictures) > 15
    assert all(p.get("aria-label") or p.get("aria-hidden") == "true" for p in pictures)


def test_render__is_the_same_every_time(evaluation: Evaluation, text: str) -> None:
    assert render(evaluation, command="dtr evaluate 'a <b>.jsonl' --html x.html") == text


def test_render__of_labels_alone(labels_only: Evaluation) -> None:
    page = Page(render(labels_only))
    assert "No trace row has tags." in page.text
    assert "no answer has a score of fake" in page.text


def test_render__without_clips_decodes_nothing(evaluation: Evaluation) -> None:
    page = Page(render(evaluation, clips=0))
    assert page.of("image") == []
    assert "gallery" not in {a.get("id") for a in page.of("section")}


def test_write_report__writes_one_small_file(evaluation: Evaluation, tmp_path: Path) -> None:
    path = write_report(evaluation, tmp_path / "report.html")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert 20_000 < path.stat().st_size < 1_000_000
    assert html.unescape("&lt;script&gt;") in Page(path.read_text(encoding="utf-8")).text


def test_write_report__where_it_cannot(evaluation: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose another file"):
        write_report(evaluation, tmp_path / "nowhere" / "report.html", clips=0)


def test_write_report__without_its_package(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def no_jinja(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "jinja2":
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_jinja)
    with pytest.raises(MissingExtraError, match=r"dtr-video\[report\]"):
        render(evaluation)


def test_evaluate_html__from_the_command_line(tmp_path: Path) -> None:
    rows = [
        {"video_id": v, "video_path": f"videos/{v}.mp4", "video_type": kind, "video_source": "Sora", "split": "test"}
        for v, kind in (("a", "fake_video"), ("b", "real_video"))
    ]
    (tmp_path / "all.json").write_text(json.dumps(rows))
    said = [{"video_id": "a", "predicted_label": "FAKE"}, {"video_id": "b", "predicted_label": "FAKE"}]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
    report = tmp_path / "report.html"
    arguments = [str(tmp_path / "said.jsonl"), "--annotations", str(tmp_path / "all.json"), "--resamples", "5"]
    assert run(["evaluate", *arguments, "--html", str(report)]) == 0
    assert "Evaluation beside its floors" in Page(report.read_text(encoding="utf-8")).text


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not here")
@pytest.mark.parametrize("width", [390, 1280])
def test_report__never_scrolls_sideways(evaluation: Evaluation, tmp_path: Path, width: int) -> None:
    wordy = replace(evaluation, notes=("w" * 400, *evaluation.notes), provenance={"model_ids": ["m" * 200]})
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", render(wordy))
    measure = "onload=()=>{const d=f.contentDocument.documentElement;document.title=[d.scrollWidth,d.clientWidth]}"
    frame = f'<iframe id=f style="border:0;width:{width}px;height:900px" srcdoc="{html.escape(page)}"></iframe>'
    (tmp_path / "frame.html").write_text(f"{frame}<script>{measure}</script>", encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --virtual-time-budget=2000 --window-size=1400,1000 --dump-dom"
    command = [
        str(CHROMIUM),
        *flags.split(),
        f"--user-data-dir={tmp_path / 'profile'}",
        f"file://{tmp_path}/frame.html",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    title = re.search(r"<title>(\d+),(\d+)</title>", done.stdout)
    assert title is not None, done.stderr[-500:]
    assert title[1] == title[2]
