"""`dtr`: one command, its subcommands imported only when they run, so that `dtr --help` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from dtr.cli.lazy import LazyGroup, resolve
from dtr.errors import ConfigError, DTRError

COMMANDS: dict[str, tuple[str, str]] = {
    "detect": ("dtr.cli.detect:detect", "Judge videos: real or fake, where, when and why."),
    "demo": ("dtr.cli.demo:demo", "See it work on a clip made on the spot; needs no file."),
    "doctor": ("dtr.cli.doctor:doctor", "Say what is installed, what is wrong and how to mend it."),
    "models": ("dtr.cli.models:models", "List the detectors at hand, or show the card of one."),
    "data": ("dtr.cli.data:data", "Check and describe annotated videos."),
    "features": ("dtr.cli.features:features", "Run the backbone once; keep its features for training."),
    "fit": ("dtr.cli.lightning:run", "Train one head (LightningCLI: --config FILE)."),
    "validate": ("dtr.cli.lightning:run", "Measure a trained head on the validation split."),
    "test": ("dtr.cli.lightning:run", "Measure a trained head on the test split."),
    "predict": ("dtr.cli.lightning:run", "Write what a trained head says of the test split."),
    "pseudo": ("dtr.cli.pseudo:pseudo", "Train the networks that make pseudo-fakes of camera clips."),
    "ablate": ("dtr.cli.ablate:ablate", "Compare variations of a recipe, with several seeds."),
    "train-all": ("dtr.cli.train_all:train_all", "Train all heads, calibrate, write a detector folder."),
    "evaluate": ("dtr.cli.evaluate:evaluate", "Measure predictions, with the floors beside every figure."),
    "evaluate-unseen": (
        "dtr.cli.evaluate_unseen:evaluate_unseen",
        "Measure on generators and cameras held out of training.",
    ),
    "robustness": ("dtr.cli.robustness:robustness", "Measure what re-encoding, scaling and overlays cost."),
    "synth": ("dtr.cli.synth:synth", "Put traces into clips, with exact place, time and kind."),
    "baselines": ("dtr.cli.baselines:baselines", "Measure simple detectors on cached features."),
    "reward": ("dtr.cli.reward:reward", "Say as one number how free of visible traces clips are."),
    "rank": ("dtr.cli.reward:rank", "Order clips by that number: the best of N, with reasons."),
    "export": ("dtr.cli.export:export", "Turn a detector folder into one ONNX file, proven equal."),
    "verify": ("dtr.cli.export:verify", "Compare an ONNX file with its detector folder."),
}
"""Where each command lives ("module:attribute") and its line in `dtr --help`."""

LIGHTNING = ("fit", "validate", "test", "predict")
"""Commands whose arguments go to LightningCLI as they are."""


class SystemRefusal(DTRError):  # noqa: N818 - reads as a kind
    """The system did not read or write what a command needs, and nothing nearer to it has said so."""

    kind = "system"

    @classmethod
    def of(cls, error: OSError) -> SystemRefusal:
        """One sentence of an error of the system."""
        place = f"{error.filename}: " if error.filename is not None else ""
        return cls(f"{place}cannot be read or written ({error.strerror or error}); check path, rights and free space")


class PassThrough(click.Command):
    """A command that hands its name and all its arguments, `--help` included, to a function of one list."""

    def __init__(self, name: str, target: str) -> None:
        super().__init__(name)
        self.target = target

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take every argument as it is."""
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> Any:
        """Run the target."""
        return resolve(self.target)([self.name, *ctx.args])


class MainGroup(LazyGroup):
    """All commands; those of LightningCLI get their arguments as they are."""

    table = COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None for an unknown name."""
        if cmd_name in LIGHTNING:
            return PassThrough(cmd_name, COMMANDS[cmd_name][0])
        return super().get_command(ctx, cmd_name)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from dtr import __version__

        click.echo(f"dtr {__version__}")
        ctx.exit()


@click.group(cls=MainGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Version.")
def cli() -> None:
    """Find, locate and explain what gives an AI-generated video away.

    \b
    Examples:
      dtr demo                          # no file, no network
      dtr detect clip.mp4               # a readable verdict
      dtr detect clips/ --format json   # one JSON line per file
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: runs a command and leaves with its exit code (0 fine, 1 some input failed, 2 wrong usage)."""
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code; the error, if any, is one line on stderr.
    """
    try:
        result = cli.main(args=None if argv is None else list(argv), prog_name="dtr", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except ModuleNotFoundError as error:
        from dtr.extras import missing_extra

        missing = missing_extra(error)
        if missing is None:
            raise
        return _fail(missing)
    except DTRError as error:
        return _fail(error)
    except OSError as error:  # a full disk, a device that is gone: no fault of DTR, so no traceback
        return _fail(SystemRefusal.of(error))
    return result if isinstance(result, int) else 0


def _fail(error: DTRError) -> int:
    message = " ".join(str(error).split())
    click.echo(f"dtr: error: {error.kind}: {message}", err=True)
    return 2 if isinstance(error, ConfigError) else 1
