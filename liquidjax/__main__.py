"""The command line: `liquidjax COMMAND ...`, or `python -m liquidjax COMMAND ...`."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from liquidjax.commands.experiments import control, forecasting, gradient_memory, network_sizes, shift
from liquidjax.commands.interchange import export, import_
from liquidjax.commands.kinds import KINDS
from liquidjax.commands.sweep import sweep
from liquidjax.commands.train import init, train
from liquidjax.commands.trained import evaluate, predict, runs
from liquidjax.experiments.shared import arguments as given

FUNCTIONS: dict[str, Callable[..., int]] = {
    "init": init,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "runs": runs,
    "export": export,
    "import": import_,
    "forecasting": forecasting,
    "gradient-memory": gradient_memory,
    "network-sizes": network_sizes,
    "shift": shift,
    "control": control,
    "sweep": sweep,
}
"""In the order of the help."""
COMMANDS: given.Commands = {name: (function, KINDS.get(name)) for name, function in FUNCTIONS.items()}


def commands(arguments: Sequence[str]) -> dict[str, Callable[..., int]]:
    """The commands; the one that is asked for takes the defaults of its settings from the YAML file it names."""

    def with_settings(name: str, command: Callable[..., int], kind: type[Any] | None) -> Callable[..., int]:
        if kind is None:
            return command
        asked = list(arguments[:1]) == [name]
        return functools.partial(command, settings=given.settings(command, kind, arguments[1:]) if asked else kind())

    return {name: with_settings(name, *command) for name, command in COMMANDS.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. What the user can put right ends with one line on stderr and status 2.

    An interrupted one ends with the status a shell expects, 130 after Ctrl-C and 143 after SIGTERM.
    """
    arguments = given.experiment(sys.argv[1:] if arguments is None else arguments, COMMANDS)
    description = "Liquid neural networks in JAX. `liquidjax COMMAND --help` explains a command, `--version` tells it."
    try:
        status = given.parse(commands(arguments), arguments, description)()
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"liquidjax: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("liquidjax: interrupted", file=sys.stderr)
        sys.exit(130)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
