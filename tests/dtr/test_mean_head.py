from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dtr.detector import average_detectors, load_detector, save_detector
from dtr.detector_files import build
from dtr.errors import DetectorError
from dtr.head import Head
from dtr.heads.binary import BinaryHead
from dtr.heads.box import BoxHead
from dtr.mean_head import MeanHead
from tests.export.toy import make_detector
from tests.heads.head_contract import WIDTH, HeadContract, make_features


class TestMeanHead(HeadContract):
    def make_head(self) -> Head:
        return MeanHead([BoxHead(width=WIDTH, hidden=16) for _ in range(2)])


def test_forward__is_the_mean_of_the_members() -> None:
    torch.manual_seed(0)
    head, features = MeanHead([BinaryHead(WIDTH, hidden=16) for _ in range(3)]).eval(), make_features()
    alone = torch.stack([member.run(features).video_logit for member in head.members])  # type: ignore[operator, union-attr]
    torch.testing.assert_close(head.run(features).video_logit, alone.mean(dim=0))
    assert alone.std(dim=0).min() > 0


def test_members__of_several_specs_are_refused() -> None:
    with pytest.raises(ValueError, match="one spec"):
        MeanHead([BinaryHead(WIDTH), BoxHead(WIDTH)])
    with pytest.raises(ValueError, match="at least one"):
        MeanHead([])


def test_build__a_strangers_class_among_the_members_is_never_imported() -> None:
    init = {"class_path": "dtr.mean_head.MeanHead", "init_args": {"members": [{"class_path": "antigravity.Head"}]}}
    with pytest.raises(DetectorError, match="importing it would run a stranger's code"):
        build(init, "here", ())


def test_average_detectors__is_saved_loaded_and_started_from(tmp_path: Path) -> None:
    torch.manual_seed(0)
    one, two = (make_detector(binary=BinaryHead(width=6, hidden=16)) for _ in range(2))
    mean = average_detectors([one, two])
    assert mean.info.training["members"] == [one.info.model_id, two.info.model_id]
    assert average_detectors([one]) is one
    folder = save_detector(
        tmp_path / "mean", info=mean.info, heads=mean.heads, head_init=mean.head_init, backbone=mean.backbone
    )
    again = load_detector(folder, allow=mean.allow).heads["binary"]
    assert isinstance(again, MeanHead)
    for member, source in zip(again.members, (one, two), strict=True):
        assert all(
            torch.equal(a, b)
            for a, b in zip(member.state_dict().values(), source.heads["binary"].state_dict().values(), strict=True)
        )
    with pytest.raises(DetectorError, match="one and the same head to average"):
        average_detectors([one, make_detector(box=BoxHead(width=6, hidden=16))])
