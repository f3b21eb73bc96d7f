"""The example in the README runs as it stands."""

import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_fifteen_lines_run_and_give_the_shapes_they_promise():
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    names: dict = {}
    exec(code, names)
    assert names["state"].shape == names["tau"].shape == (16, 32)
    assert names["outputs"].shape == (100, 16, 4)


def test_every_file_the_readme_points_to_exists():
    for target in re.findall(r"\]\(([^)#][^)]*)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target
