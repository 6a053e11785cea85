from __future__ import annotations

from pathlib import Path

import pytest

from dtr.errors import ConfigError
from dtr.fit import check_checkpoint, run_lightning


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["fit", "--config", "configs/head/box.yaml"], "data.data"),
        (["fit", "--config", "nope.yaml"], "nope.yaml"),
        (["fit", "--nope", "3"], "nope"),
    ],
)
def test_run_lightning__a_wrong_option_is_one_error_and_no_usage_page(
    args: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=words):
        run_lightning(args)
    assert "usage:" not in capsys.readouterr().err


@pytest.mark.parametrize("joined", [False, True])
def test_check_checkpoint__refuses_what_is_none(joined: bool, tmp_path: Path) -> None:
    text = tmp_path / "text.ckpt"
    text.write_text("hello")
    for name, words in ((text, "is none"), (tmp_path / "nope.ckpt", "no such file")):
        args = ["test", f"--ckpt_path={name}"] if joined else ["test", "--ckpt_path", str(name)]
        with pytest.raises(ConfigError, match=words):
            check_checkpoint(args)


def test_check_checkpoint__leaves_lightnings_words_alone() -> None:
    check_checkpoint(["test", "--ckpt_path", "best"])
