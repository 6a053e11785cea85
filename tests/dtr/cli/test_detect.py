from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from dtr.cli.answers import Answer, Answerer
from dtr.cli.detect import _overlay_paths
from dtr.inputs import Input
from tests.tiny_detector import write_tiny_detector

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def detect(dtr: Run, tiny_model: Path) -> Run:
    """`detect(…)` runs `dtr detect … --model <tiny>`."""
    return lambda *args: dtr("detect", *args, "--model", tiny_model)


@pytest.fixture
def clips(tmp_path: Path, grey_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, made the working directory: bright.mp4 (fake), dark.mp4 (real), text.mp4 (no video)."""
    grey_clip("bright.mp4", 250)
    grey_clip("dark.mp4", 10)
    (tmp_path / "text.mp4").write_text("just words\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("clips")
def test_text__is_readable_and_honest(detect: Run) -> None:
    code, out, err = detect("bright.mp4", "dark.mp4")
    assert (code, err) == (0, "")
    bright, dark = out.split("dark.mp4")
    assert "FAKE" in bright
    assert "upper left" in bright
    assert "REAL" in dark
    assert "no trace found; that does not prove" in dark
    assert "\x1b" not in out


@pytest.mark.usefixtures("clips")
def test_json__one_line_per_input_in_order_with_failures_among_them(detect: Run) -> None:
    code, out, err = detect("text.mp4", "dark.mp4", "gone.mp4", "bright.mp4", "--format", "json")
    found = rows(out)
    assert code == 1
    assert [r["video"] for r in found] == ["text.mp4", "dark.mp4", "gone.mp4", "bright.mp4"]
    assert [r.get("label") for r in found] == [None, "real", None, "fake"]
    assert found[0]["error"]["kind"] == "video"  # type: ignore[index]
    assert set(found[2]) == {"video", "error"}
    assert found[1]["schema"] == 1
    lines = err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("dtr: error: video: ") for line in lines)
    assert "gone.mp4" in lines[1]


@pytest.mark.usefixtures("clips")
def test_predictions__failed_input_has_a_null_label(detect: Run) -> None:
    code, out, _ = detect(".", "--format", "predictions")
    bright, dark, text = rows(out)
    assert code == 1
    assert (bright["predicted_label"], dark["predicted_label"], text["predicted_label"]) == ("FAKE", "REAL", None)
    assert bright["bbox"]["left"] == pytest.approx(0, abs=1)  # type: ignore[index]
    assert text["video_id"] == "text"
    assert set(text) == set(dark) | {"error"}


@pytest.mark.usefixtures("clips")
def test_output__json_lines_go_to_the_file(detect: Run, clips: Path) -> None:
    code, out, _ = detect("bright.mp4", "dark.mp4", "--format", "json", "-o", "o.jsonl")
    assert (code, out) == (0, "")
    assert [r["label"] for r in rows((clips / "o.jsonl").read_text())] == ["fake", "real"]


@pytest.mark.usefixtures("clips")
def test_output__an_interrupted_run_goes_on_and_counts_its_earlier_failures(
    detect: Run, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("text.mp4", "dark.mp4", "bright.mp4", "--format", "json", "-o", "o.jsonl")
    judge = Answerer.answer

    def interrupt(self: Answerer, item: Input, overlay: Path | None = None) -> Answer:
        if item.path == "bright.mp4":
            raise KeyboardInterrupt
        return judge(self, item, overlay)

    with monkeypatch.context() as patch:
        patch.setattr(Answerer, "answer", interrupt)
        assert detect(*command)[0] == 130
    assert len((clips / "o.jsonl").read_text().splitlines()) == 2
    code, _, err = detect(*command)
    assert code == 1
    assert "continuing after the first 2 of 3 inputs" in err
    assert [r["video"] for r in rows((clips / "o.jsonl").read_text())] == ["text.mp4", "dark.mp4", "bright.mp4"]


@pytest.mark.usefixtures("clips")
def test_output__an_unfinished_run_of_other_settings_is_refused(
    detect: Run, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Answerer, "answer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        detect("bright.mp4", "--format", "json", "-o", "o.jsonl")
    (clips / "o.jsonl").write_text('{"video": "bright.mp4"}\n')
    code, _, err = detect("bright.mp4", "--format", "json", "-o", "o.jsonl", "--strict")
    assert code == 2
    assert "other settings" in err


@pytest.mark.usefixtures("clips")
def test_output__text_is_written_whole_with_its_failures(detect: Run, clips: Path) -> None:
    code, out, _ = detect("bright.mp4", "text.mp4", "-o", "o.txt")
    assert (code, out) == (1, "")
    text = (clips / "o.txt").read_text()
    assert "FAKE" in text
    assert "no verdict" in text


@pytest.mark.usefixtures("clips")
def test_overlay__one_file_and_a_folder(detect: Run, clips: Path) -> None:
    assert detect("bright.mp4", "--overlay", "one.mp4")[0] == 0
    assert detect("bright.mp4", "dark.mp4", "--overlay", "all", "--format", "json")[0] == 0
    for path in (clips / "one.mp4", clips / "all/bright.overlay.mp4", clips / "all/dark.overlay.mp4"):
        with av.open(str(path)) as file:
            assert sum(1 for _ in file.decode(video=0)) == 8


def test_overlay_paths__same_names_do_not_overwrite_each_other(tmp_path: Path) -> None:
    found = _overlay_paths(tmp_path / "o", [Input("x/a.mp4"), Input("y/A.mov"), Input("b.mp4")])
    assert [p.name for p in found] == ["a.overlay.mp4", "A-2.overlay.mp4", "b.overlay.mp4"]


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["bright.mp4", "dark.mp4", "--overlay", "o.mp4"], "--overlay"),
        (["bright.mp4", "--overlay", "nowhere/o.mp4"], "--overlay"),
        (["bright.mp4", "--overlay", "bright.mp4"], "another name"),
        (["bright.mp4", "-o", "nowhere/o.txt"], "-o"),
        (["bright.mp4", "-o", "nowhere/o.txt", "--format", "json"], "output"),
        (["bright.mp4", "--annotations", "a.json", "--id-from", "stem"], "--id-from"),
    ],
)
def test_options__wrong_ones_are_2_before_any_answer(detect: Run, args: list[str], words: str) -> None:
    code, out, err = detect(*args)
    assert code == 2
    assert err.startswith("dtr: error: config: ")
    assert words in err
    assert out == ""


@pytest.mark.usefixtures("clips")
def test_model__a_file_that_is_not_ours_is_one_line(dtr: Run, clips: Path) -> None:
    (clips / "bad.onnx").write_bytes(b"\x08\x0a")
    for name in ("bad.onnx", "gone.onnx", "text.mp4"):
        code, out, err = dtr("detect", "bright.mp4", "--model", name)
        assert (code, out) == (1, "")
        assert err.startswith("dtr: error: detector: ")
        assert name in err
        assert err.count("\n") == 1


@pytest.mark.usefixtures("clips")
def test_limits__flags_reach_the_decoder(detect: Run) -> None:
    code, out, _ = detect("bright.mp4", "--max-frames", 3, "--format", "json")
    assert code == 1
    assert rows(out)[0]["error"]["kind"] == "limit"  # type: ignore[index]
    assert detect("bright.mp4", "--max-frames", 8)[0] == 0


@pytest.mark.usefixtures("clips")
def test_ids__from_content(detect: Run, clips: Path) -> None:
    _, out, _ = detect("bright.mp4", "--id-from", "sha256", "--format", "json")
    assert rows(out)[0]["video_id"] == hashlib.sha256((clips / "bright.mp4").read_bytes()).hexdigest()[:16]


@pytest.mark.usefixtures("clips")
def test_ids__from_annotations(detect: Run, clips: Path) -> None:
    manifest = [json.dumps({"file": "dark.mp4", "sha256": "0" * 64, "split": "val", "label": "real", "source": "x"})]
    (clips / "manifest.jsonl").write_text("\n".join(manifest) + "\n")
    code, out, _ = detect("bright.mp4", "dark.mp4", "--annotations", ".", "--format", "json")
    assert code == 0
    assert rows(out)[0]["video_id"] == "bright"
    assert rows(out)[1]["video_id"] == "0" * 16


@pytest.mark.usefixtures("clips")
def test_ids__a_clash_is_told(detect: Run, clips: Path) -> None:
    (clips / "deep").mkdir()
    (clips / "deep/bright.mp4").write_bytes((clips / "bright.mp4").read_bytes())
    _, _, err = detect("bright.mp4", "deep/bright.mp4", "--format", "predictions")
    assert "2 files share the video id 'bright'" in err


@pytest.mark.usefixtures("clips")
def test_output__names_cannot_steer_the_terminal(detect: Run, clips: Path) -> None:
    name = "evil\x1b[31m\nname.mp4"
    (clips / "bright.mp4").rename(clips / name)
    code, out, _ = detect(name)
    assert code == 0
    assert "\x1b" not in out
    assert out.startswith("evil?[31m?name.mp4")


def test_output__a_folder_without_the_right_to_write_is_told_before_judging(
    detect: Run, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # the tests may run as root, whom no mode stops
    code, out, err = detect("dark.mp4", "-o", clips / "a.txt")
    assert (code, out) == (2, "")
    assert err.startswith("dtr: error: config: -o: no right to write")


@pytest.fixture
def operated(dtr: Run, tmp_path: Path) -> Run:
    """`operated(…)` runs `dtr detect … --model` with a calibrated detector that knows five real clips."""
    label = {"slope": 0.1, "intercept": 0.0, "n": 8, "n_positive": 3, "prior": 0.5, "target": "label"}
    path = write_tiny_detector(
        tmp_path / "operated.onnx",
        calibration={"label": label},
        thresholds={"label": 0.5, "trace": 0.0, "abstain": [0.2, 0.55]},
        operating={"real_logits": [-9.0, -8.0, -7.0, 1.0, 12.0], "fake_logits": [6.0, 8.0, 10.0]},
    )
    return lambda *args: dtr("detect", *args, "--model", path)


@pytest.mark.usefixtures("clips")
def test_fpr__the_operating_point_decides_and_is_told(operated: Run) -> None:
    def labels(*options: object) -> list[object]:
        return [r["label"] for r in rows(operated("bright.mp4", "dark.mp4", "--format", "json", *options)[1])]

    assert labels() == ["fake", "real"]
    assert labels("--fpr", 0.2) == ["real", "real"]
    assert labels("--fpr", 0.4) == ["fake", "real"]
    assert labels("--prior", 0.01) == ["real", "real"]
    assert labels("--prior", 0.99) == ["fake", "fake"]
    assert labels("--prior", 0.01, "--fpr", 0.4) == ["fake", "real"]
    code, out, _ = operated("bright.mp4", "--fpr", 0.4, "--prior", 0.01)
    assert code == 0
    assert (
        "for a false-positive rate of 0.4: 1 of 5 real calibration clips reach it (95 % interval 0.5% to 71.6%)" in out
    )
    assert ", if 1% of all videos are" in out


@pytest.mark.usefixtures("clips")
def test_abstain__is_cant_tell(operated: Run) -> None:
    code, out, _ = operated("dark.mp4")
    assert code == 0
    assert "can't tell" in out
    assert "leans to real" in out


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fpr", "0.1"], "needs at least 10 real videos to choose a threshold on, got 5; the smallest"),
        (["--fpr", "0"], "inside (0, 1)"),
        (["--prior", "1"], "inside (0, 1)"),
    ],
)
def test_fpr__what_the_detector_cannot_support_is_2_before_any_answer(
    operated: Run, options: list[str], words: str
) -> None:
    code, out, err = operated("bright.mp4", "text.mp4", *options)
    assert (code, out) == (2, "")
    assert err.startswith("dtr: error: config: ")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("clips")
def test_fpr__a_detector_without_operating_data_says_so(detect: Run) -> None:
    code, out, err = detect("bright.mp4", "--fpr", "0.1")
    assert (code, out) == (2, "")
    assert "this detector carries none" in err
    code, _, err = detect("bright.mp4", "--prior", "0.1")
    assert code == 2
    assert "not calibrated" in err


@pytest.fixture
def annotated(clips: Path) -> Path:
    """bright.mp4 as "one" and gone.mp4 as "two" in split test, dark.mp4 in train; row 3 has a defect."""
    lines = [
        {"video_id": "one", "path": "bright.mp4", "label": "fake", "split": "test"},
        {"video_id": "three", "path": "dark.mp4", "label": "real", "split": "train"},
        {"video_id": "two", "path": "gone.mp4", "label": "fake", "split": "test", "width": "wide"},
    ]
    (clips / "annotations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return clips


def test_split__judges_the_media_of_the_annotations(detect: Run, annotated: Path) -> None:
    code, out, err = detect("--annotations", annotated, "--split", "test", "--format", "predictions")
    assert code == 1
    assert [(r["video_id"], r["predicted_label"]) for r in rows(out)] == [("one", "FAKE"), ("two", None)]
    assert "1 problems in the rows" in err
    assert "gone.mp4" in err


def test_split__with_an_output_goes_on_where_it_stopped(detect: Run, annotated: Path) -> None:
    order = ("--annotations", annotated, "--split", "train", "--format", "json", "-o", "v.jsonl")
    assert detect(*order)[0] == 0
    (row,) = rows(Path("v.jsonl").read_text())
    assert (row["video_id"], row["label"]) == ("three", "real")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["bright.mp4", "--split", "test"], "expected --annotations and no PATHS with it, got 1 PATHS"),
        (["--split", "test"], "got 0 PATHS and no annotations"),
        (["--split", "val", "--annotations", "annotations.jsonl"], "(there: test, train), got 'val'"),
        (["--annotations", "annotations.jsonl"], "Missing argument 'PATHS...'"),
    ],
)
@pytest.mark.usefixtures("annotated")
def test_split__wrong_combinations_are_2(detect: Run, options: list[str], words: str) -> None:
    code, out, err = detect(*options)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize("form", ["text", "json"])
def test_output__never_replaces_an_input(detect: Run, clips: Path, form: str) -> None:
    before = (clips / "dark.mp4").read_bytes()
    code, _, err = detect("dark.mp4", "--format", form, "-o", "dark.mp4")
    assert code == 2
    assert "expected another file than those that are read" in err
    assert (clips / "dark.mp4").read_bytes() == before
