from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from dtr.detector import LoadedDetector, save_detector
from dtr.detector_files import sha256
from dtr.errors import ConfigError, DetectorError
from dtr.export import runtime
from dtr.export.clips import synthetic_clips
from dtr.export.runtime import OnnxModel, load_model
from dtr.features import Features
from tests.tiny_detector import write_tiny_detector


@pytest.fixture(scope="module")
def fused(fused_file: Path) -> OnnxModel:
    return load_model(fused_file, threads=1)


def test_load_model__reads_what_the_file_says_of_itself(fused: OnnxModel, fused_detector: LoadedDetector) -> None:
    assert fused.info == fused_detector.info
    assert (fused.graph, fused.providers) == ("fused", ("CPUExecutionProvider",))
    assert ("input", "frames", "uint8", ["S", 2, 64, 64, 3]) in fused.signature()


def test_infer__gives_every_window_and_the_places_of_tokens(fused: OnnxModel, fused_detector: LoadedDetector) -> None:
    clip = synthetic_clips(fused.info)[3]
    outputs = fused.infer(clip)
    windows = fused.info.clock.window_steps(34)
    np.testing.assert_array_equal(outputs["window_steps"], windows)
    assert outputs["box.heat_logits"].shape == (*windows.shape, 8)
    features = fused_detector.build_backbone().encode(clip)
    np.testing.assert_allclose(outputs["cells"], features.cells, atol=1e-6)
    np.testing.assert_array_equal(outputs["token_mask"], features.token_mask)


def test_infer__fetches_what_decoding_reads_and_run_fetches_all(fused: OnnxModel) -> None:
    clip = synthetic_clips(fused.info)[0]
    read = {"binary.video_logit", "binary.step_logits", "box.heat_logits", "box.boxes"}
    assert set(fused.infer(clip)) == read | {"cells", "token_mask", "window_steps"}
    inputs = {
        "frames": clip.frames,
        "window_steps": fused.info.clock.window_steps(len(clip.frames)),
        "step_mask": clip.step_mask,
        "step_s": clip.step_s,
        "view_boxes": clip.view_boxes,
    }
    assert set(fused.run(inputs)) == read | {"box.side_logits", "cells"}
    assert set(fused.run(inputs, ["cells"])) == {"cells"}


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_infer__the_size_of_groups_changes_nothing(fused: OnnxModel, at_once: int) -> None:
    clip = synthetic_clips(fused.info)[3]
    expected, got = fused.infer(clip), fused.infer(clip, windows_at_once=at_once)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, atol=1e-5, err_msg=name)


def test_infer__the_pixels_of_masked_steps_do_not_matter(fused: OnnxModel) -> None:
    clip = synthetic_clips(fused.info)[2]
    frames = np.where(clip.step_mask[:, None, None, None, None], clip.frames, np.uint8(200))
    expected, got = fused.infer(clip), fused.infer(dataclasses.replace(clip, frames=frames))
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def test_infer__refuses_steps_of_another_model(fused: OnnxModel) -> None:
    clip = synthetic_clips(fused.info)[1]
    for wrong in (
        dataclasses.replace(clip, frames=clip.frames[:, :1]),
        dataclasses.replace(clip, frames=clip.frames[:, :, :32]),
        dataclasses.replace(clip, frames=clip.frames.astype(np.float32)),
        dataclasses.replace(clip, frames=clip.frames[:0]),
    ):
        with pytest.raises(DetectorError, match="render the steps"):
            fused.infer(wrong)
    with pytest.raises(DetectorError, match="mirrored"):
        fused.infer(dataclasses.replace(clip, flipped=True))
    with pytest.raises(ConfigError, match="windows_at_once"):
        fused.infer(clip, windows_at_once=0)


def _features(backbone_id: str = "toy@1", width: int = 6) -> Features:
    rng = np.random.default_rng(0)
    mask = np.ones((2, 3, 4), dtype=np.bool_)
    return Features(rng.random((2, 3, 4, width)), mask, rng.random((2, 3, 4, 4)), rng.random((2, 3, 2)), backbone_id)


def test_infer_features__runs_heads_on_features_of_their_backbone_only(
    heads_file: Path, heads_detector: LoadedDetector, fused: OnnxModel
) -> None:
    model = load_model(heads_file)
    linear = heads_detector.heads["binary"].linear
    weight, bias = linear.weight.detach().numpy()[0], linear.bias.item()
    expected = _features().tokens.mean(axis=2) @ weight + bias
    np.testing.assert_allclose(model.infer_features(_features())["binary.step_logits"], expected, atol=1e-5)
    with pytest.raises(DetectorError, match=r"expected features of backbone 'toy@1', got 'other@2'"):
        model.infer_features(_features("other@2"))
    with pytest.raises(DetectorError, match="width 6, got 7"):
        model.infer_features(_features(width=7))
    with pytest.raises(DetectorError, match="takes features"):
        model.infer(synthetic_clips(fused.info)[0])
    with pytest.raises(DetectorError, match="takes frames"):
        fused.infer_features(_features())


def test_load_model__a_file_cut_short_anywhere_is_refused(heads_file: Path, tmp_path: Path) -> None:
    data = heads_file.read_bytes()
    for length in (0, 1, 100, *range(200, len(data), max(1, len(data) // 40)), len(data) - 1):
        cut = tmp_path / "cut.onnx"
        cut.write_bytes(data[:length])
        with pytest.raises(DetectorError, match=r"cut\.onnx"):
            load_model(cut)


def test_load_model__refuses_what_is_not_ours(heads_file: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("this is no model\n")
    with pytest.raises(DetectorError, match="expected a whole ONNX file"):
        load_model(text)
    model = onnx.load(heads_file)
    model.graph.output.pop()
    onnx.save(model, tmp_path / "less.onnx")
    with pytest.raises(DetectorError, match="metadata promises"):
        load_model(tmp_path / "less.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(DetectorError, match="written by `dtr export`"):
        load_model(tmp_path / "foreign.onnx")


def test_load_model__says_what_a_wrong_path_is(heads_detector: LoadedDetector, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="check the name"):
        load_model(tmp_path / "none.onnx")
    d = heads_detector
    folder = save_detector(tmp_path / "det", info=d.info, heads=d.heads, head_init=d.head_init)
    with pytest.raises(DetectorError, match="dtr export"):
        load_model(folder)
    with pytest.raises(DetectorError, match="directory"):
        load_model(tmp_path)


def test_load_model__none_is_the_first_embedded_model(
    heads_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.resources, "files", lambda _: tmp_path)
    with pytest.raises(DetectorError, match="no embedded model"):
        load_model()
    (tmp_path / "one.onnx").write_bytes(heads_file.read_bytes())
    (tmp_path / "two.onnx").write_bytes(b"")
    assert load_model().name == load_model("one").name == "one"
    with pytest.raises(DetectorError, match=r"embedded model \(one, two\)"):
        load_model("three")


def test_load_model__wrong_settings_are_configuration_errors(heads_file: Path) -> None:
    with pytest.raises(ConfigError, match="threads"):
        load_model(heads_file, threads=0)
    with pytest.raises(ConfigError, match="providers: expected some of"):
        load_model(heads_file, providers=["NoSuchExecutionProvider"])
    with pytest.raises(ConfigError, match="providers"):
        load_model(heads_file, providers=[])


def test_runtime__runs_without_torch(heads_file: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from dtr.export.runtime import load_model\n"
        f"print(load_model({str(heads_file)!r}).info.model_id)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("toy@")


def test_load_model__an_embedded_one_must_have_the_recorded_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_detector(tmp_path / "tiny.onnx")
    monkeypatch.setattr(runtime.resources, "files", lambda _: tmp_path)
    assert load_model("tiny", threads=1).name == "tiny"  # dtr doctor warns of a missing record
    (tmp_path / "tiny.json").write_text(f'{{"sha256": "{sha256(path)}"}}')
    assert load_model(threads=1).sha256 == sha256(path)
    path.write_bytes(path.read_bytes() + b"\x08\x0a")  # still a whole ONNX file
    for name in (None, "tiny"):
        with pytest.raises(DetectorError, match=r"tiny: expected the embedded detector with SHA-256 .*reinstall DTR"):
            load_model(name, threads=1)
    assert load_model(path, threads=1).info.model_id == "bright@1"  # a file that the caller names is his own
