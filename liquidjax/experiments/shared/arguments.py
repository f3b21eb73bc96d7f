"""The arguments of the command line: read by tyro, as strictly as a configuration file; a mistake is one line."""

import contextlib
import functools
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import tyro

from liquidjax.experiments.shared import configuration as configs

Settings = TypeVar("Settings")
YAML = (".yaml", ".yml")
HELP = {"-h", "--help"}


def parse(commands: Mapping[str, Callable[..., Any]], arguments: Sequence[str], description: str) -> Callable[[], Any]:
    """The command that is asked for, with its arguments, ready to be called.

    Args:
        commands: each by its name; one with settings is a partial with `settings`, the defaults.
        arguments: the command line behind the name of the program.
        description: of the program, for `--help`.

    Raises:
        SystemExit: with status 0 after `--help` and `--version`.
        ValueError: what is wrong, in one sentence.
    """
    if list(arguments) == ["--version"]:
        print(f"liquidjax {version('liquidjax')} (jax {version('jax')}, Python {sys.version.split()[0]})")
        raise SystemExit(0)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.extras.subcommand_cli_from_dict(
                {name: _later(command) for name, command in commands.items()},
                prog="liquidjax",
                description=description,
                args=arguments,
                registry=_numbers(),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        command = f" {arguments[0]}" if arguments and arguments[0] in commands else ""
        raise ValueError(f"{_sentence(said.getvalue())}; see `liquidjax{command} --help`") from None


def settings(command: str, kind: type[Settings], arguments: Sequence[str]) -> Settings:
    """What the YAML file among the arguments of `command` says; the defaults where there is none to read.

    Example:
        >>> from liquidjax.tasks.digits import Digits
        >>> settings("train", Digits, ["train", "nowhere.yaml", "--help"]).steps
        8
    """
    file = _file(arguments) if arguments and arguments[0] == command else None
    if file is None:
        return kind()
    try:
        return configs.read(file, kind)
    except (OSError, ValueError):
        if HELP & set(arguments):
            return kind()  # who asks for help gets it
        raise


def check_yaml(config: Path) -> None:
    """Raises the ValueError for a configuration that is not called so; such a file has not been read."""
    if not config.name.endswith(YAML):
        raise ValueError(f"{config} must be a .yaml file")


def _file(arguments: Sequence[str]) -> str | None:
    """The YAML file among the arguments: the first that is neither an option nor the value of one."""
    value = False
    for text in arguments[1:]:
        if not value and not text.startswith("-"):
            return text if text.endswith(YAML) else None
        value = text.startswith("-") and "=" not in text and text not in HELP and not value
    return None


def _later(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that, when it is called, does nothing yet: errors in arguments are told from errors of the command."""
    inner = command.func if isinstance(command, functools.partial) else command

    @functools.wraps(inner)
    def later(*args: Any, **kwargs: Any) -> Callable[[], Any]:
        return functools.partial(inner, *args, **kwargs)

    return functools.partial(later, **command.keywords) if isinstance(command, functools.partial) else later


def _numbers() -> tyro.constructors.ConstructorRegistry:
    """Makes numbers be read as in a file, where Python's `int` and `float` would take 1_0 and nan too."""
    registry = tyro.constructors.ConstructorRegistry()

    @registry.primitive_rule
    def rule(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec | None:
        kind = info.type
        if kind is not int and kind is not float:
            return None
        return tyro.constructors.PrimitiveConstructorSpec(
            nargs=1,
            metavar=kind.__name__.upper(),
            instance_from_str=lambda texts: configs.number(kind, texts[0]),
            is_instance=lambda value: isinstance(value, kind),
            str_from_instance=lambda value: [str(value)],
        )

    return registry


def _sentence(box: str) -> str:
    """What tyro says in a box, up to its first rule, on one line and in the words of this package.

    Example:
        >>> _sentence("╭─ Value error ─╮\\n│ Error parsing  │\\n│ --epochs: no    │\\n│ ────── │\\n│ more │\\n╰───╯")
        '--epochs: no'
    """
    # A title; on a terminal without box characters a rule; what is wrong; a rule; what else could be said.
    rows = [row.strip("│ ") for row in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()[1:]]
    parts = "\n".join(row if row.strip("─-") else "" for row in rows).strip().split("\n\n")
    first = " ".join(parts[0].split()).rstrip(".")
    first = re.sub(r"^Error parsing (?:__tyro[-_]dummy[-_]inner__\.)?", "", first)
    first = re.sub(r"^settings\.([\w.-]+):", lambda place: f"--{place[1].replace('_', '-')}:", first)
    near = re.search(r"Perhaps you meant.*?(--[\w.-]+)", " ".join(rows), re.DOTALL)
    return (first or " ".join(box.split())) + (f"; did you mean {near[1]}?" if near else "")
