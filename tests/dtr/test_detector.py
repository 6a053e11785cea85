from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dtr.detector import (
    BackbonePart,
    LoadedDetector,
    load_detector,
    merge_detectors,
    model_id,
    save_detector,
)
from dtr.detector_files import sha256
from dtr.errors import DetectorError
from dtr.model_info import FORMAT
from tests.export.toy import ALLOW, ToyHead, make_backbone, make_detector, seeded

WEIGHTS = "heads/binary/weights.safetensors"


def save(detector: LoadedDetector, folder: Path) -> Path:
    return save_detector(
        folder,
        info=detector.info,
        heads=detector.heads,
        head_init=detector.head_init,
        backbone=detector.backbone,
        card=detector.card,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(make_detector(binary=seeded(ToyHead, width=6)), tmp_path / "det")


def rewrite(folder: Path, name: str, change: Callable[[Path], None]) -> None:
    """Change a file and its recorded hash: what somebody does who tampers with a folder knowingly."""
    change(folder / name)
    data = json.loads((folder / "detector.json").read_text())
    data["files"][name] = sha256(folder / name)
    (folder / "detector.json").write_text(json.dumps(data))


def edit_info(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((folder / "detector.json").read_text())
    change(data)
    (folder / "detector.json").write_text(json.dumps(data))


def test_save_and_load__everything_comes_back_exactly(tmp_path: Path) -> None:
    backbone = make_backbone()
    detector = make_detector(backbone, binary=seeded(ToyHead, width=backbone.width))
    loaded = load_detector(save(detector, tmp_path / "det"), allow=ALLOW)
    assert loaded.info == detector.info
    assert (loaded.head_init, loaded.card) == (detector.head_init, detector.card)
    assert not loaded.heads["binary"].training
    for name, value in detector.heads["binary"].state_dict().items():
        assert torch.equal(loaded.heads["binary"].state_dict()[name], value)
    again = loaded.build_backbone()
    assert again.backbone_id == backbone.backbone_id
    frames = torch.randint(0, 256, (2, 2, 64, 64, 3), dtype=torch.uint8)
    assert torch.equal(again(frames), backbone(frames))


def test_save_detector__a_heads_own_calibration_travels_with_it(folder: Path) -> None:
    own = json.loads((folder / "heads/binary/calibration.json").read_text())
    assert set(own) == {"label"}
    assert (own["label"]["slope"], own["label"]["intercept"]) == (1.5, -0.25)
    assert set(json.loads((folder / "detector.json").read_text())["calibration"]) == {"trace"}


def test_save_detector__replaces_a_detector_and_leaves_nothing_else(folder: Path) -> None:
    other = make_detector(binary=seeded(ToyHead, 1, width=6))
    save(other, folder)
    assert load_detector(folder, allow=ALLOW).info == other.info
    assert [p.name for p in folder.parent.iterdir()] == ["det"]


def test_save_detector__a_failed_save_leaves_the_old_folder(folder: Path) -> None:
    detector = make_detector(binary=seeded(ToyHead, 1, width=6))
    before = load_detector(folder, allow=ALLOW).info
    detector.head_init["binary"]["init_args"]["width"] = torch.tensor(6)
    with pytest.raises(DetectorError, match="plain values"):
        save(detector, folder)
    assert load_detector(folder, allow=ALLOW).info == before
    assert [p.name for p in folder.parent.iterdir()] == ["det"]


def test_save_detector__refuses_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DetectorError, match="something else"):
        save(make_detector(binary=seeded(ToyHead, width=6)), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_save_detector__refuses_parts_that_do_not_fit(tmp_path: Path) -> None:
    d = make_detector(binary=seeded(ToyHead, width=6))
    other = replace(d.info, backbone_id="other@2")
    with pytest.raises(DetectorError, match=r"trained on backbone 'toy@1', the detector has 'other@2'"):
        save(replace(d, info=other), tmp_path / "a")
    with pytest.raises(DetectorError, match="same head names"):
        save(replace(d, heads={}), tmp_path / "b")
    with pytest.raises(DetectorError, match="another spec"):
        save(replace(d, heads={"binary": seeded(ToyHead, width=7)}), tmp_path / "c")
    with pytest.raises(DetectorError, match="expected a head name"):
        save(make_detector(**{"../binary": seeded(ToyHead, width=6)}), tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_load_detector__refuses_classes_of_strangers(folder: Path) -> None:
    with pytest.raises(DetectorError, match=r"a class below dtr\., got 'tests\.export\.toy\.ToyHead'"):
        load_detector(folder)


@pytest.mark.parametrize(
    ("class_path", "message"),
    [
        ("os.system", "stranger"),
        ("dtr.clock.Clock", r"subclass of dtr\.head\.Head"),
        ("dtr.detector.load_detector", r"subclass of dtr\.head\.Head"),
        ("dtr.no_such_module.Head", "cannot import"),
        ("dtr.head.NoSuchHead", "cannot import"),
        ("dtr.heads.binary.BinaryHead", "does not fit its class"),
    ],
)
def test_load_detector__wrong_class_paths(folder: Path, class_path: str, message: str) -> None:
    text = f"class_path: {class_path}\ninit_args:\n  width: 6\n  hidden: 8\n"
    if "BinaryHead" not in class_path:
        text = text.replace("  hidden: 8\n", "")
    rewrite(folder, "heads/binary/head.yaml", lambda p: p.write_text(text) and None)
    with pytest.raises(DetectorError, match=message):
        load_detector(folder, allow=ALLOW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class_path: [", "not a YAML file"),
        ("- 1\n", "expected class_path"),
        ("class_path: tests.export.toy.ToyHead\ninit_args: 3\n", "expected class_path"),
        ("class_path: tests.export.toy.ToyHead\ninit_args:\n  width: six\n", "does not take these init_args"),
        ("class_path: tests.export.toy.ToyHead\ninit_args:\n  depth: 6\n", "does not take these init_args"),
        ("class_path: !!python/name:os.system ''\n", "not a YAML file"),
        ("class_path: tests.export.toy.ToyHead\ninit_args:\n  width: 7\n", "1 tensors of another shape"),
    ],
)
def test_load_detector__wrong_head_files(folder: Path, text: str, message: str) -> None:
    rewrite(folder, "heads/binary/head.yaml", lambda p: p.write_text(text) and None)
    with pytest.raises(DetectorError, match=message):
        load_detector(folder, allow=ALLOW)


def test_load_detector__a_changed_byte_is_found(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(DetectorError, match=r"weights\.safetensors: expected SHA-256"):
        load_detector(folder, allow=ALLOW)


def test_load_detector__cut_and_missing_files_are_found(folder: Path) -> None:
    rewrite(folder, WEIGHTS, lambda p: p.write_bytes(p.read_bytes()[:-3]) and None)
    with pytest.raises(DetectorError, match="not a whole safetensors file"):
        load_detector(folder, allow=ALLOW)
    (folder / WEIGHTS).unlink()
    with pytest.raises(DetectorError, match="missing; copy the whole"):
        load_detector(folder, allow=ALLOW)


def test_load_detector__missing_and_unknown_tensors_are_named(folder: Path) -> None:
    def rename(path: Path) -> None:
        state = load_file(path)
        state["surplus"] = state.pop("linear.bias")
        save_file(state, path)

    rewrite(folder, WEIGHTS, rename)
    with pytest.raises(DetectorError, match=r"missing such as 'linear\.bias'.* unknown such as 'surplus'"):
        load_detector(folder, allow=ALLOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=FORMAT + 1), "upgrade DTR"),
        (lambda d: d.update(format=None), "not a DTR model"),
        (lambda d: d.pop("clock"), "without a valid 'clock'"),
        (lambda d: d.pop("files"), "without a valid 'files'"),
        (lambda d: d.update(backbone_id="other@2"), "trained on backbone 'toy@1'"),
        (lambda d: d["heads"].update({"../x": d["heads"]["binary"]}), "expected a head name"),
        (lambda d: d["files"].update({"../../x": "0" * 64}), "outside the folder"),
        (lambda d: d["files"].pop(WEIGHTS), "not listed"),
        (lambda d: d["files"].pop("heads/binary/calibration.json"), "not listed"),
        (lambda d: d["heads"]["binary"].update(kind="box"), "another spec"),
    ],
)
def test_load_detector__wrong_metadata(folder: Path, change: Callable[[dict[str, Any]], object], message: str) -> None:
    edit_info(folder, change)
    with pytest.raises(DetectorError, match=message) as caught:
        load_detector(folder, allow=ALLOW)
    assert "\n" not in str(caught.value)


def test_load_detector__what_is_no_detector(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="expected a detector folder"):
        load_detector(tmp_path)
    for text, message in (("{", "not a JSON file"), ("[]", "expected a JSON object")):
        (tmp_path / "detector.json").write_text(text)
        with pytest.raises(DetectorError, match=message):
            load_detector(tmp_path)


def test_build_backbone__another_backbone_is_refused(tmp_path: Path) -> None:
    backbone = make_backbone()
    detector = make_detector(backbone, binary=seeded(ToyHead, width=backbone.width))
    state = {name: value + 1 for name, value in backbone.net.state_dict().items()}
    changed = replace(detector, backbone=BackbonePart.of(backbone, state))
    with pytest.raises(DetectorError, match=f"expected '{backbone.backbone_id}', got 'test_resnet@"):
        changed.build_backbone()
    with pytest.raises(DetectorError, match="heads only"):
        replace(detector, backbone=None).build_backbone()
    init = {"class_path": "dtr.clock.Clock", "init_args": {}}
    with pytest.raises(DetectorError, match="method 'encode'"):
        replace(detector, backbone=BackbonePart(init)).build_backbone()


def test_build_backbone__a_reference_brings_its_own_weights(tmp_path: Path) -> None:
    backbone = make_backbone()
    detector = make_detector(backbone, binary=seeded(ToyHead, width=backbone.width))
    referring = replace(detector, backbone=BackbonePart.of(backbone))
    folder = save(referring, tmp_path / "det")
    assert sorted(p.name for p in (folder / "backbone").iterdir()) == ["backbone.yaml"]
    assert load_detector(folder, allow=ALLOW).build_backbone().backbone_id == backbone.backbone_id


def test_model_id__follows_weights_and_backbone() -> None:
    one, two = seeded(ToyHead, 0, width=6), seeded(ToyHead, 1, width=6)
    ids = {model_id("m", {"a": one}, "x"), model_id("m", {"a": two}, "x"), model_id("m", {"a": one}, "y")}
    assert len(ids) == 3
    assert model_id("m", {"a": one}, "x") in ids
    assert all(len(i) == len("m@") + 12 for i in ids)


def test_merge_detectors__joins_heads_of_one_backbone(tmp_path: Path) -> None:
    one = make_detector(binary=seeded(ToyHead, 0, width=6))
    two = make_detector(second=seeded(ToyHead, 1, width=6))
    operating = {"real_logits": [-1.0], "fake_logits": [2.0]}
    two = replace(two, info=replace(two.info, operating=operating))
    merged = merge_detectors([one, two], name="both")
    assert merged.info.operating == operating
    assert list(merged.heads) == list(merged.info.heads) == ["binary", "second"]
    assert merged.info.model_id.startswith("both@")
    assert merged.info.training == {"detectors": {d.info.model_id: d.info.training for d in (one, two)}}
    assert merged.info.calibration == one.info.calibration
    assert load_detector(save(merged, tmp_path / "det"), allow=ALLOW).info == merged.info


def test_load_detector__the_first_folders_carry_no_operating_data(folder: Path) -> None:
    edit_info(folder, lambda data: data.pop("operating"))
    assert load_detector(folder, allow=ALLOW).info.operating == {}


def test_merge_detectors__refuses_what_does_not_belong_together() -> None:
    one = make_detector(binary=seeded(ToyHead, 0, width=6))
    two = make_detector(second=seeded(ToyHead, 1, width=6))
    with pytest.raises(DetectorError, match="backbone_id differs"):
        merge_detectors([one, replace(two, info=replace(two.info, backbone_id="other@2"))])
    with pytest.raises(DetectorError, match="both have heads 'binary'"):
        merge_detectors([one, one])
    with pytest.raises(DetectorError, match="both have thresholds 'label'"):
        merge_detectors([one, replace(two, info=replace(two.info, thresholds={"label": 0.9}))])
    with pytest.raises(DetectorError, match="at least one"):
        merge_detectors([])
