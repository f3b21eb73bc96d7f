"""The example in the README runs as it stands."""

import re
from pathlib import Path

import liquidjax as lj
from liquidjax.interop import edifice

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


def test_every_name_the_readme_gives_exists():
    for module, prefix in ((lj, "lj"), (edifice, "edifice")):
        names = set(re.findall(rf"\b{prefix}\.(\w+)", README))
        assert names
        for name in names:
            assert hasattr(module, name), f"{prefix}.{name}"
