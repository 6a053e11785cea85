from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dtr import doctor
from dtr.clock import Clock
from dtr.doctor import Check, examine, parse_version, report
from dtr.model_info import ModelInfo


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it takes seconds; one test below asks for it on purpose."""
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)


def findings(name: str) -> list[Check]:
    return [c for c in examine() if c.name == name]


def test_examine__this_environment_has_what_it_takes() -> None:
    for name in ("python", "base packages", "decoder", "onnxruntime"):
        assert [c.status for c in findings(name)] == ["ok"], findings(name)


def test_report__ok_follows_from_broken() -> None:
    fine, bad = Check("a", "warning", "old"), Check("b", "broken", "gone", "mend it")
    assert report([fine])["ok"]
    assert not report([fine, bad])["ok"]
    assert report([bad])["checks"] == [{"name": "b", "status": "broken", "detail": "gone", "fix": "mend it"}]
    assert "numpy" in report([])["versions"]


def test_decoder__an_old_ffmpeg_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    monkeypatch.setattr(av, "ffmpeg_version_info", "8.1.1", raising=False)
    assert findings("decoder")[0].status == "warning"


def test_decoder__without_h264_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    monkeypatch.setattr(av, "codecs_available", {"vp9"})
    assert findings("decoder")[0].status == "broken"


def test_onnxruntime__what_an_uninstall_left_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    assert [c.status for c in findings("onnxruntime")] == ["broken"]


def test_torch__a_pair_that_does_not_fit_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "torchvision", None)  # importing it fails
    assert [c.status for c in findings("torch")] == ["warning"]


@pytest.mark.parametrize(("name", "version"), [("pytorch-lightning", "2.6.2"), ("lightning", "2.6.3")])
def test_lightning__malicious_releases_are_named(monkeypatch: pytest.MonkeyPatch, name: str, version: str) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda n: version if n == name else "1.0")
    assert [c.detail for c in findings("lightning")] == [f"{name} {version} is a malicious release"]


def test_opencv__a_vulnerable_wheel_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda n: "5.0.0.93" if n == "opencv-python-headless" else None)
    assert [c.status for c in findings("opencv")] == ["warning"]


@pytest.mark.parametrize(
    ("record", "status"), [("right", "ok"), ("wrong", "broken"), ("not json", "warning"), (None, "warning")]
)
def test_models__hash_is_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: str | None, status: str
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights" if record == "right" else b"other").hexdigest()
    if record is not None:
        (tmp_path / "m.json").write_text("{" if record == "not json" else f'{{"sha256": "{digest}"}}')
    monkeypatch.setattr(doctor, "files", lambda _: tmp_path)
    assert [c.status for c in findings("models")] == [status]


def test_models__none_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "files", lambda _: tmp_path)
    assert [c.status for c in findings("models")] == ["broken"]


@pytest.mark.parametrize("damaged", [False, True])
def test_models__heads_to_start_from_are_compared_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damaged: bool
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"weights")
    (tmp_path / "m.json").write_text(f'{{"sha256": "{hashlib.sha256(b"weights").hexdigest()}"}}')
    (tmp_path / "empty").mkdir()
    (tmp_path / "m").mkdir()
    (tmp_path / "m/card.md").write_text("changed" if damaged else "card")
    info = ModelInfo("m@1", "b@1", Clock(), (), {}).to_json()
    files = {"card.md": hashlib.sha256(b"card").hexdigest()}
    (tmp_path / "m/detector.json").write_text(json.dumps(info | {"files": files}))
    monkeypatch.setattr(doctor, "files", lambda _: tmp_path)
    assert [c.status for c in findings("models")] == ["ok", "warning" if damaged else "ok"]


def test_parse_version__compares_as_numbers() -> None:
    assert parse_version("8.1.10") > parse_version("8.1.2") > parse_version("8.1") > parse_version("N-1-gabc")
