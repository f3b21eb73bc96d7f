"""The arguments of the command line: read by tyro, as strictly as a configuration file; a mistake is one line."""

import contextlib
import dataclasses
import functools
import inspect
import io
import re
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.run_folder import CONFIG, check_run
from liquidjax.experiments.shared.shipped import located

Settings = TypeVar("Settings")
Commands = Mapping[str, tuple[Callable[..., Any], type[Any] | None]]
"""Each by its name, with the kind of its settings, if it has some."""
HELP = {"-h", "--help"}
NOTHING = ("null", "None", "~")
"""How nothing is written where a number may be left out: as in a file, and as Python does."""
FLAT = tyro.conf.arg(name="")
"""Of the parameter `settings`: --epochs, not --settings.epochs."""


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


def settings(command: Callable[..., Any], kind: type[Settings], arguments: Sequence[str]) -> Settings:
    """What the YAML file says that the arguments give as `config`; the defaults where there is none to read.

    That of a run is read where they give one to `resume`.

    tyro parses the arguments twice, for the file holds the defaults of the options: here, to find the file, and in
    `parse`.

    Args:
        command: with the parameters `config` and `settings`.
        kind: of the settings, a dataclass.
        arguments: those behind the name of the command.

    Example:
        >>> from liquidjax.experiments.supervised.config import Inputs
        >>> def command(config: tyro.conf.Positional[Path], settings: Inputs) -> None: ...
        >>> settings(command, Inputs, ["nowhere.yaml", "--help"]).fill
        'carry'
    """
    defaults = kind()
    file, resumed = _files(command, defaults, arguments)
    try:
        if resumed is not None:
            check_run(resumed)
            return configuration.read(resumed / CONFIG, kind)
        return defaults if file is None else configuration.read(located(file), kind)
    except (OSError, ValueError):
        if HELP & set(arguments):
            return defaults  # who asks for help gets it
        raise


def experiment(arguments: Sequence[str], commands: Commands) -> Sequence[str]:
    """The arguments; where they give the settings of another experiment to `train`, those of its command.

    A file belongs to the only command that has settings for all of its first keys.

    Args:
        arguments: the command line behind the name of the program.
        commands: all of the program.
    """
    if list(arguments[:1]) != ["train"]:
        return arguments
    kinds = {name: kind for name, (_, kind) in commands.items() if kind is not None}
    file, resumed = _files(commands["train"][0], kinds["train"](), arguments[1:])
    try:
        keys = configuration.first_keys(located(file or Path()) if resumed is None else resumed / CONFIG)
    except (OSError, ValueError):
        return arguments  # which the command says better
    names = [name for name, kind in kinds.items() if keys <= {field.name for field in dataclasses.fields(kind)}]
    return [*names, *arguments[1:]] if len(names) == 1 else arguments


def _files(command: Callable[..., Any], defaults: Any, arguments: Sequence[str]) -> tuple[Path | None, Path | None]:
    """The configuration and the folder of a run that the arguments give, if they do."""
    parsed = _parsed(command, defaults, arguments)
    return getattr(parsed, "config", None), getattr(parsed, "resume", None)


def _parsed(command: Callable[..., Any], defaults: Any, arguments: Sequence[str]) -> Any:
    """The arguments of a command, unchecked; None where they are such that `parse` refuses them."""
    hints = typing.get_type_hints(command, include_extras=True)
    # Without the checks of the settings: what the options change may be right only with what the file says.
    settings = _unchecked(defaults)
    hints["settings"] = Annotated[type(settings), FLAT]
    fields: list[Any] = []
    for name, parameter in inspect.signature(command).parameters.items():
        default = settings if name == "settings" else parameter.default
        fields.append((name, hints[name]) if default is parameter.empty else (name, hints[name], default))
    with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
        parsed, _ = tyro.cli(
            dataclasses.make_dataclass("Arguments", fields, kw_only=True),
            args=arguments,
            add_help=False,
            return_unknown_args=True,
            registry=_numbers(),
        )
        return parsed


def _unchecked(settings: Any) -> Any:
    """The same settings as a dataclass that takes whatever it is given."""
    fields = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        value, kind = (_unchecked(value), None) if dataclasses.is_dataclass(value) else (value, field.type)
        fields.append((field.name, kind or type(value), value))
    return dataclasses.make_dataclass(type(settings).__name__, fields, frozen=True)()


def _later(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that, when it is called, does nothing yet: errors in arguments are told from errors of the command."""
    inner = command.func if isinstance(command, functools.partial) else command

    @functools.wraps(inner)
    def later(*args: Any, **kwargs: Any) -> Callable[[], Any]:
        return functools.partial(inner, *args, **kwargs)

    return functools.partial(later, **command.keywords) if isinstance(command, functools.partial) else later


def _numbers() -> tyro.constructors.ConstructorRegistry:
    """Makes numbers be read as in a file, where Python's `int` and `float` would take 1_0 and nan too; null is None."""
    registry = tyro.constructors.ConstructorRegistry()

    @registry.primitive_rule
    def rule(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec | None:
        kinds = typing.get_args(info.type) or (info.type,)
        numbers = [kind for kind in kinds if kind in (int, float)]
        if len(numbers) != 1 or not set(kinds) <= {*numbers, type(None)}:
            return None
        (kind,), optional = numbers, len(kinds) > 1

        def read(texts: list[str]) -> Any:
            return None if optional and texts[0] in NOTHING else configuration.number(kind, texts[0])

        return tyro.constructors.PrimitiveConstructorSpec(
            nargs=1,
            metavar=f"{kind.__name__.upper()}{'|null' if optional else ''}",
            instance_from_str=read,
            is_instance=lambda value: isinstance(value, kind) or (optional and value is None),
            str_from_instance=lambda value: [NOTHING[0] if value is None else str(value)],
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
    # So it is said of options that another command has.
    first = re.sub(r" \(applied to [^)]*\)", "", first.replace("Unrecognized or misplaced", "Unrecognized"))
    near = re.search(r"Perhaps you meant.*?(--[\w.-]+)", " ".join(rows), re.DOTALL)
    return (first or " ".join(box.split())) + (f"; did you mean {near[1]}?" if near else "")
