"""What `make dist` has built: what is in it, and that it works, installed in a fresh environment outside of here."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

pytestmark = pytest.mark.dist
ROOT = Path(__file__).parents[2]
SMOKE = Path(__file__).with_name("smoke.py")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = f"liquidjax-{PROJECT['version']}"
SDIST = ROOT / "dist" / f"{NAME}.tar.gz"
WHEEL = ROOT / "dist" / f"{NAME}-py3-none-any.whl"
ALONGSIDE = ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "pyproject.toml")
AGAIN = ("conda/recipe.yaml", "tests/distribution/smoke.py")
MOST_BYTES = 1_500_000


def committed(*folders: str) -> set[str]:
    """What git keeps there."""
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(filter(None, listed.stdout.split("\0")))


def in_sdist() -> set[str]:
    with tarfile.open(SDIST) as archive:
        return {member.name.removeprefix(f"{NAME}/") for member in archive.getmembers() if not member.isdir()}


def in_wheel() -> set[str]:
    with zipfile.ZipFile(WHEEL) as archive:
        return set(archive.namelist())


def metadata() -> Message:
    with zipfile.ZipFile(WHEEL) as archive:
        return message_from_bytes(archive.read(f"{NAME}.dist-info/METADATA"))


def test_there_is_one_sdist_and_one_wheel_of_this_version():
    assert set((ROOT / "dist").iterdir()) == {SDIST, WHEEL}


def test_the_sdist_holds_what_is_committed_and_nothing_else():
    made = {"PKG-INFO", ".gitignore"}  # hatchling adds both
    assert in_sdist() == {*committed("liquidjax", "configs"), *ALONGSIDE, *AGAIN, *made}


def test_the_wheel_holds_the_package_its_configurations_and_its_licence():
    told = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    configs = {f"liquidjax/{name}" for name in committed("configs")}
    assert in_wheel() == {*committed("liquidjax"), *configs, *told, f"{NAME}.dist-info/licenses/LICENSE"}


@pytest.mark.parametrize("file", [SDIST, WHEEL], ids=["sdist", "wheel"])
def test_it_is_small(file):
    assert file.stat().st_size < MOST_BYTES


def test_the_wheel_asks_for_what_the_project_depends_on():
    plain = {each.replace(" ", "") for each in metadata().get_all("Requires-Dist", []) if "extra ==" not in each}
    assert plain == set(PROJECT["dependencies"])
    assert set(metadata().get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert metadata()["Requires-Python"] == PROJECT["requires-python"]


def test_the_description_for_an_index_points_to_nothing_that_only_a_checkout_has():
    text = metadata().get_payload()
    assert isinstance(text, str) and text.startswith("# liquidjax\n\n`pip install liquidjax`")
    assert text.count("# liquidjax\n") == 1
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not link.startswith(("https:", "#"))] == []


def fresh(folder: Path, what: str) -> str:
    """What the smoke test says in an environment of its own, where only `what` has been installed."""
    python = folder / "environment" / "bin" / "python"
    # As a user has it: without this checkout on the path, and without the flags of the tests.
    given = {name: v for name, v in os.environ.items() if not name.startswith(("JAX_", "PYTHON", "PYTEST_", "XLA_"))}
    place = folder / "place"
    place.mkdir()
    shutil.copy(SMOKE, place)
    for command in (
        [sys.executable, "-m", "venv", folder / "environment"],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what],
        [python, "-m", "pip", "check"],
        [python, "-I", "smoke.py", PROJECT["version"]],
    ):
        done = subprocess.run(
            command, cwd=place, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert not done.returncode, f"{command}: {done.stdout}"
    shutil.rmtree(folder)
    print(done.stdout)
    return done.stdout


def test_the_wheel_works_where_only_its_dependencies_are(tmp_path):
    assert "train digits is refused: liquidjax: " in fresh(tmp_path, str(WHEEL))


def test_the_sdist_works_and_trains_with_the_extra_for_it(tmp_path):
    assert "train digits trains, and predict reads its model" in fresh(tmp_path, f"{SDIST}[demo]")
