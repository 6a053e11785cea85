"""Reads the fenced blocks of the documents: commands, code and example files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SEPARATORS = {"&&", "||", "|", ";", "&"}


class Block(NamedTuple):
    """A fenced block: language, path of the file that it is an example of ("" = none), text."""

    language: str
    title: str
    text: str


def read_document(name: str) -> str:
    """Text of a document in the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> list[Block]:
    """Fenced blocks of these languages (all, if none is named) in order."""
    found = [Block(*match.groups(default="")) for match in _FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def inline_code(text: str) -> list[str]:
    """What stands between single backticks outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def commands(text: str) -> list[list[str]]:
    """Words of every command in the `bash` and `console` blocks; a chain of commands is taken apart."""
    found = []
    for block in blocks(text, "bash", "console"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if block.language == "console" and not line.startswith("$ "):
                continue  # what a command prints
            found += split_chain(line.removeprefix("$ "))
    return found


def split_chain(line: str) -> list[list[str]]:
    """Words of each command of a shell line, without variables set for it and without comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    chain: list[list[str]] = [[]]
    for word in lexer:
        if word in _SEPARATORS:
            chain.append([])
        elif chain[-1] or not re.match(r"[A-Z_]+=", word):
            chain[-1].append(word)
    return [words for words in chain if words]
