"""A module of JavaScript run by Node."""

import json
import subprocess

import pytest

from liquidjax.export.javascript import node

needs_node = pytest.mark.skipif(node.found() is None, reason="there is no Node")


def evaluated(folder, text, expression, name="model.mjs"):
    """The value of an expression of JSON, in which `m` is the module."""
    (folder / name).write_text(text)
    code = f'import * as m from "./{name}"; console.log(JSON.stringify({expression}))'
    command = [node.found() or "node", "--input-type=module", "-e", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr[:3000]
    return json.loads(done.stdout)
