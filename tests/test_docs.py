"""What README and CONTRIBUTING say exists: commands, options, files, extras, names in Python."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

import dtr
from dtr.cli.main import COMMANDS, LIGHTNING, cli
from dtr.reward import Reward, RewardParts
from tests.doc_blocks import ROOT, blocks, commands, inline_code, read_document, split_chain

FIRST = ("README.md", "CONTRIBUTING.md")
DOCUMENTS = (
    *FIRST,
    *(
        f"docs/{name}.md"
        for name in ("annotations", "baselines", "evaluation", "reproduce", "results", "reward", "synth", "training")
    ),
)
FOLDERS = ("dtr", "heads", "export", "configs", "tests", "docs", ".ci")
PLACEHOLDERS = {"DATA", "CACHE", "MINE", "NAME"}
PROGRAMS = {".", ".ci/run", "dtr", "pip", "pytest", "python3.11", "ruff", "tensorboard"}
INSTALL_ALL = '-c constraints.txt -e ".[cpu,train,vlm,decord,dev]"'
SIGNATURES = {"data": "dtr.datamodule.FeatureDataModule", "model": "dtr.task.HeadTask"}  # of LightningCLI's options
LIGHTNING_OPTIONS = {"--config", "--ckpt_path", "--seed_everything"}


def problem_of_command(words: list[str], known_files: frozenset[str] = frozenset()) -> str:
    """Why a command of a block would not start; "" = it would. Only `dtr` itself is parsed."""
    program = words[0].removeprefix(".venv/bin/")
    if program not in PROGRAMS:
        return f"unknown program {program}"
    missing = [w for w in words[1:] if not file_is_there(w, known_files)]
    if missing:
        return f"no such file: {missing}"
    if program != "dtr":
        return ""
    if len(words) > 1 and words[1] in LIGHTNING:
        return problem_of_lightning(words[2:])
    if len(words) > 2 and words[1] == "features":
        name = words[words.index("--config") + 1]
        if not (ROOT / name).is_file() and not (ROOT / "configs/features" / f"{name}.yaml").is_file():
            return f"no such configuration of features: {name}"
    return problem_of_click(cli, "dtr", words[1:])


def problem_of_click(command: click.Command, name: str, words: list[str]) -> str:
    """What click says of the arguments; nothing is run."""
    try:
        if not isinstance(command, click.Group) or not words or words[0].startswith("-"):
            command.make_context(name, list(words))
            return ""
        sub_name, sub, rest = command.resolve_command(click.Context(command), list(words))
    except click.exceptions.Exit:  # --help, --version
        return ""
    except click.ClickException as error:
        return error.format_message()
    return problem_of_click(sub, str(sub_name), rest) if sub else f"no command {words}"


def problem_of_lightning(words: list[str]) -> str:
    """An option that LightningCLI would not know; those of the trainer are not looked at."""
    for word in words:
        option, _, _ = word.partition("=")
        group, _, name = option.removeprefix("--").partition(".")
        if not option.startswith("--") or group == "trainer" or option in {*LIGHTNING_OPTIONS, "--help"}:
            continue
        if group not in SIGNATURES or name.split(".")[0] not in constructor_arguments(SIGNATURES[group]):
            return f"no option {option}"
    return ""


def constructor_arguments(class_path: str) -> set[str]:
    """Names of a class's constructor arguments, read from its source: importing Lightning takes seconds."""
    module, _, name = class_path.rpartition(".")
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
    found = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    init = next(n for n in found.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return {a.arg for a in (*init.args.args, *init.args.kwonlyargs)} - {"self"}


def problem_of_mention(code: str) -> str:
    """Why `dtr …` in running text is wrong: no such command or option; arguments may be left out."""
    words, command = code.split()[1:], cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name in LIGHTNING:
            return problem_of_lightning(words)
        found = command.get_command(click.Context(command), name)
        if found is None:
            return f"no command {name}"
        command = found
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [w for w in words if w.startswith("-") and w not in known]
    return f"no option {unknown}" if unknown else ""


def file_is_there(text: str, known: frozenset[str] = frozenset()) -> bool:
    """True unless `text` looks like a path of this repository and is none; `known` = files that a document gives."""
    path = text.partition("=")[2] if text.startswith("--") else text
    path = path.rstrip("/")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", path):
        return True
    ours = path.split("/")[0] in FOLDERS and "/" in path
    of_root = re.fullmatch(r"[A-Z]+\.md|pyproject\.toml|constraints\.txt|LICENSE|NOTICE", path)
    if not ours and not of_root:
        return True
    placeholder = PLACEHOLDERS & set(re.findall(r"[A-Z]+", path))
    return bool(placeholder) or path in known or (ROOT / path).exists()


def example_files(text: str) -> frozenset[str]:
    return frozenset(block.title for block in blocks(text) if block.title)


def cases(per_document: dict[str, list]) -> list:
    return [
        pytest.param(name, item, id=f"{name}:{item if isinstance(item, str) else ' '.join(item)}")
        for name, items in per_document.items()
        for item in items
    ]


@pytest.mark.parametrize(("document", "words"), cases({n: commands(read_document(n)) for n in DOCUMENTS}))
def test_commands__would_start(document: str, words: list[str]) -> None:
    assert problem_of_command(words, example_files(read_document(document))) == ""


@pytest.mark.parametrize(
    ("document", "code"),
    cases({n: sorted({c for c in inline_code(read_document(n)) if c.startswith("dtr ")}) for n in DOCUMENTS}),
)
def test_mentions__of_commands_are_right(document: str, code: str) -> None:
    assert problem_of_mention(code) == ""


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_files__that_are_named_exist(document: str) -> None:
    text = read_document(document)
    named = {word for code in inline_code(text) for word in code.split()}
    named |= {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link}
    assert sorted(n for n in named if n and not file_is_there(n, example_files(text))) == []
    assert len([n for n in named if (ROOT / n).exists()]) >= (5 if document in FIRST else 0)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python__compiles_and_its_names_exist(document: str) -> None:
    kinds = (dtr.Verdict, dtr.Trace, Reward, RewardParts)
    known = {name for kind in kinds for name in dir(kind)}
    known |= {f.name for kind in kinds for f in dataclasses.fields(kind)}
    known |= {"append", "load", "infer_features"}
    for block in blocks(read_document(document), "python"):
        tree = ast.parse(block.text)
        compile(tree, block.title or document, "exec")
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dtr"):
                assert not missing_names(node.module, [alias.name for alias in node.names], block.title), block.text
            elif not block.title and isinstance(node, ast.Attribute):
                is_module = isinstance(node.value, ast.Name) and node.value.id == "dtr"
                assert hasattr(dtr, node.attr) if is_module else node.attr in known, node.attr


def missing_names(module: str, names: list[str], title: str) -> list[str]:
    """Names that a module of the source tree does not define at its top; a module that is an example defines all."""
    path = module_file(module)
    if path is None:
        return [] if title else [module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    defined |= {a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}  # a package's own names
    defined |= {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    return [name for name in names if name not in defined]


def module_file(module: str) -> Path | None:
    relative = module.replace(".", "/") + ".py"
    for folder in ("heads", "export", "configs"):
        relative = relative.replace(f"dtr/{folder}/", f"{folder}/", 1)
    places = (ROOT / relative, ROOT / relative.removesuffix(".py") / "__init__.py")
    return next((place for place in places if place.is_file()), None)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_yaml__is_read_and_names_a_class(document: str) -> None:
    text = read_document(document)
    for block in blocks(text, "yaml"):
        path = yaml.safe_load(block.text)["model"]["head"]["class_path"]
        module, _, name = path.rpartition(".")
        source = module.replace("dtr.heads.", "heads/") + ".py"
        code = next(b.text for b in blocks(text, "python") if b.title == source)
        assert re.search(rf"^class {name}\b", code, re.MULTILINE)


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_prose__is_finished(document: str) -> None:
    assert re.findall(r"\{\{.*?\}\}|\bTODO\b|\bTBD\b", read_document(document)) == []


def test_install__is_what_ci_does() -> None:
    for document in (*FIRST, ".ci/run"):
        assert INSTALL_ALL in (ROOT / document).read_text(encoding="utf-8"), document


def test_extras__are_those_of_the_package() -> None:
    declared = set(tomllib.loads(read_document("pyproject.toml"))["project"]["optional-dependencies"])
    for document in DOCUMENTS:
        named = re.findall(r"(?:[\"'\s]\.|dtr-video)\[([\w,]+)\]", read_document(document))
        assert {extra for group in named for extra in group.split(",")} <= declared
    table = set(re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", read_document("README.md"), re.MULTILINE))
    assert declared <= table


def test_readme__names_every_command() -> None:
    text = read_document("README.md")
    assert [name for name in COMMANDS if not re.search(rf"dtr {re.escape(name)}\b", text)] == []


@pytest.mark.parametrize(
    "line",
    [
        "dtr detct clip.mp4",
        "dtr detect",
        "dtr detect clip.mp4 --formats json",
        "dtr detect clip.mp4 --format xml",
        "dtr data chek DATA",
        "dtr features --config nothing --data DATA",
        "dtr fit --config configs/head/nothing.yaml --data.data DATA",
        "dtr fit --config configs/head/box.yaml --data.dta DATA",
        "dtr fit --config configs/head/box.yaml --modle.name a",
        "dtr train-all --config configs/recipes/first.yaml --data DATA",
        "pytest tests/heads/test_nothing.py",
        "rm clip.mp4",
    ],
)
def test_checks__find_wrong_commands(line: str) -> None:
    assert problem_of_command(split_chain(line)[0])


@pytest.mark.parametrize("code", ["dtr detct", "dtr detect --formats json", "dtr data chek", "dtr fit --data.dta DATA"])
def test_checks__find_wrong_mentions(code: str) -> None:
    assert problem_of_mention(code)


def test_checks__find_missing_names_and_files() -> None:
    assert missing_names("dtr.verdict", ["Verdikt"], "") == ["Verdikt"]
    assert missing_names("dtr.nothing", ["Verdict"], "") == ["dtr.nothing"]
    assert not file_is_there("dtr/nothing.py")
    assert file_is_there("heads/NAME.py")
    assert file_is_there("runs/all/detector")


def test_split_chain__takes_a_line_apart() -> None:
    line = 'A=1 dtr demo && pip install ".[cpu]" | cat  # and so on'
    assert split_chain(line) == [["dtr", "demo"], ["pip", "install", ".[cpu]"], ["cat"]]


def test_constructor_arguments__are_those_of_the_class() -> None:
    assert {"data", "cache", "needs"} <= constructor_arguments("dtr.datamodule.FeatureDataModule")


def test_modules__of_the_python_door_import() -> None:
    assert callable(importlib.import_module("dtr.api").load)
