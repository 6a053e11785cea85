from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dtr import __version__
from dtr.cli import lazy, main
from dtr.cli.main import COMMANDS, LIGHTNING, MainGroup, run
from dtr.errors import ConfigError, DetectorError


def raising(error: BaseException) -> Callable[..., None]:
    def command() -> None:
        raise error

    return command


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """`failing(error)` makes `dtr doctor` raise it."""

    def install(error: BaseException) -> None:
        monkeypatch.setattr(lazy, "resolve", lambda _: click.Command("doctor", callback=raising(error)))

    return install


def test_help__lists_every_command_in_order(dtr: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = dtr("--help")
    assert code == 0
    listed = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", [n for n in COMMANDS if n not in LIGHTNING])
def test_commands__exist_and_teach(name: str, dtr: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = dtr(name, "--help")
    assert code == 0
    assert f"dtr {name}" in out


def test_commands__lightning_gets_its_arguments_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(main, "resolve", lambda _: seen.append)
    assert run(["fit", "--config", "a.yaml", "--help", "-x", "--", "y"]) == 0
    assert seen == [["fit", "--config", "a.yaml", "--help", "-x", "--", "y"]]


def test_version__is_the_package_s(dtr: Callable[..., tuple[int, str, str]]) -> None:
    assert dtr("--version") == (0, f"dtr {__version__}\n", "")


@pytest.mark.parametrize(
    "args", [["nonsense"], ["detect"], ["detect", "--nonsense", "a.mp4"], ["demo", "--seed", "-1"]]
)
def test_wrong_usage__is_2_and_says_how(args: list[str], dtr: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = dtr(*args)
    assert code == 2
    assert "--help" in err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DetectorError("two\nlines"), 1, "dtr: error: detector: two lines\n"),
        (ConfigError("bad"), 2, "dtr: error: config: bad\n"),
        (
            OSError(28, "No space left on device"),
            1,
            "dtr: error: system: cannot be read or written (No space left on "
            "device); check path, rights and free space\n",
        ),
        (ModuleNotFoundError("x", name="timm.models"), 1, None),
    ],
)
def test_errors__are_one_line(
    error: Exception,
    code: int,
    line: str | None,
    failing: Callable[[BaseException], None],
    dtr: Callable[..., tuple[int, str, str]],
) -> None:
    failing(error)
    got, out, err = dtr("doctor")
    assert (got, out) == (code, "")
    assert err == line if line else "pip install 'dtr-video[train]'" in err
    assert err.count("\n") == 1


def test_errors__a_bug_is_not_dressed_up(failing: Callable[[BaseException], None]) -> None:
    failing(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        run(["doctor"])


def test_interrupt__is_130(failing: Callable[[BaseException], None], dtr: Callable[..., tuple[int, str, str]]) -> None:
    failing(KeyboardInterrupt())
    assert dtr("doctor")[0] == 130


def test_list_commands__imports_none() -> None:
    assert MainGroup().list_commands(click.Context(main.cli)) == list(COMMANDS)


def start(*args: str) -> subprocess.Popen[bytes]:
    code = f"from dtr.cli.main import main; main({list(args)!r})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_broken_pipe__is_quiet(tiny_model: Path, grey_clip: Callable[..., Path]) -> None:
    clip = str(grey_clip("a.mp4", 250))
    process = start("detect", *[clip] * 50, "--format", "json", "--model", str(tiny_model))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(30) != 0


def test_help__answers_quickly() -> None:
    began = os.times()
    process = start("--help")
    process.communicate(timeout=60)
    used = os.times()
    # CPU time of the child, so that a busy machine does not fail the test.
    assert used.children_user + used.children_system - began.children_user - began.children_system < 0.6


def test_kill__then_again_equals_one_run(
    tiny_model: Path, grey_clip: Callable[..., Path], tmp_path: Path, dtr: Callable[..., tuple[int, str, str]]
) -> None:
    clips = [str(grey_clip(f"{i}.mp4", 20 * i, frames=40, width=320, height=240)) for i in range(12)]
    output = tmp_path / "o.jsonl"
    args = ["detect", *clips, "--format", "predictions", "--model", str(tiny_model), "-o", str(output)]
    kills = 0
    for lines in (1, 4, 7):
        process = start(*args)
        while process.poll() is None and (not output.exists() or output.read_bytes().count(b"\n") < lines):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait(30) == -signal.SIGKILL
        if process.stdout is not None and process.stderr is not None:
            process.stdout.close()
            process.stderr.close()
    assert kills >= 1
    assert dtr(*args)[0] == 0
    resumed = output.read_text().splitlines()
    assert dtr(*args, "--no-resume")[0] == 0
    whole = output.read_text().splitlines()
    assert [without_time(r) for r in resumed] == [without_time(r) for r in whole]
    assert len(whole) == 12


def without_time(line: str) -> str:
    import json

    return json.dumps(json.loads(line) | {"latency_seconds": None})
