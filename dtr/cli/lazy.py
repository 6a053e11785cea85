"""A group of commands that imports one only to run it, so that `--help` answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import click

Table = Mapping[str, tuple[str, str]]
"""Where each command lives ("module:attribute") and its line in the group's help, in the order of the help."""


def resolve(target: str) -> Any:
    """The object at "module:attribute"."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


class LazyGroup(click.Group):
    """A group with commands of other files behind its own ones.

    Subclasses set `table`.
    """

    table: ClassVar[Table] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help page."""
        return [*super().list_commands(ctx), *self.table]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None for an unknown name."""
        if cmd_name in self.table:
            return resolve(self.table[cmd_name][0])
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            own = [(name, command.get_short_help_str(100)) for name, command in sorted(self.commands.items())]
            formatter.write_dl(own + [(name, summary) for name, (_, summary) in self.table.items()])
