from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dtr.errors import DetectorError
from dtr.pseudo.files import info_path, networks_digest, read_info, read_infos, weights_path

WriteTiny = Callable[..., Path]


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_read_infos__gives_back_what_was_written(write_tiny: WriteTiny) -> None:
    folder = write_tiny("nearest", "upscaler")
    infos = read_infos(folder)
    assert [(info.family, info.psnr_db) for info in infos] == [("nearest", 20.0), ("upscaler", 20.0)]
    names = {"nearest.json", "nearest.safetensors", "upscaler.json", "upscaler.safetensors"}
    assert {path.name for path in folder.iterdir()} == names


def test_networks_digest__follows_weights_and_families(write_tiny: WriteTiny) -> None:
    both = read_infos(write_tiny("nearest", "upscaler"))
    assert networks_digest(both) != networks_digest(both[:1])
    assert networks_digest(both) != networks_digest((both[0], replace(both[1], weights_sha256="0" * 64)))
    assert networks_digest(both) == networks_digest((both[0], replace(both[1], psnr_db=1.0)))


def test_read_infos__refuses_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="got none"):
        read_infos(tmp_path)
    with pytest.raises(DetectorError, match="got none"):
        read_infos(tmp_path / "nowhere")


def test_read_infos__refuses_missing_and_changed_weights(write_tiny: WriteTiny) -> None:
    folder = write_tiny("nearest")
    path = weights_path(folder, "nearest")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DetectorError, match="expected SHA-256"):
        read_infos(folder)
    path.unlink()
    with pytest.raises(DetectorError, match="got no file"):
        read_infos(folder)


@pytest.mark.parametrize("changes", [{"format": 2}, {"family": "other"}, {"more": 1}, {"init": 3}])
def test_read_info__refuses_other_facts(write_tiny: WriteTiny, changes: dict[str, object]) -> None:
    folder = write_tiny("nearest")
    edit(info_path(folder, "nearest"), **changes)
    with pytest.raises(DetectorError, match="train it again"):
        read_info(folder, "nearest")
    info_path(folder, "nearest").write_text("[")
    with pytest.raises(DetectorError, match="not a JSON file"):
        read_info(folder, "nearest")
