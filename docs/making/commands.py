"""The page of the command line: what each command says of itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from making.writing import heading, write

ASK = """
import contextlib, io, json
from liquidjax.__main__ import COMMANDS, main
said = {}
for name in COMMANDS:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([name, "--help"])
    said[name] = out.buffer.getvalue().decode()
print(json.dumps(said))
"""


def page(file: Path) -> None:
    """One section a command, asked in a process of its own as a user would."""
    environment = os.environ | {"COLUMNS": "76", "NO_COLOR": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    parts = [heading("Commands", "="), "What ``liquidjax COMMAND --help`` says.\n"]
    for name, text in json.loads(done.stdout.splitlines()[-1]).items():
        lines = [f"   {line}".rstrip() for line in plain(text).splitlines()]
        parts += [heading(f"liquidjax {name}", "-"), ".. code-block:: none", "   :class: as-written", "", *lines, ""]
    write(file, "\n".join(parts))


def plain(text: str) -> str:
    """Without the lines of the boxes that a terminal shows.

    Example:
        >>> print(plain("╭─ options ─────╮\\n│ -h, --help    │\\n╰───────────────╯"))
        options:
          -h, --help
    """
    text = re.sub(r"^╭─+ (.*?) ─+╮$", r"\1:", text, flags=re.M)
    text = re.sub(r"^[╰├]─+[╯┤]\n?", "", text, flags=re.M)
    return re.sub(r"^│(.*?) *│$", r" \1", text, flags=re.M).strip()
