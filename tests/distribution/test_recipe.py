"""The recipe for conda says what pyproject.toml says, and renders."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "conda" / "recipe.yaml"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
OLDEST = PROJECT["requires-python"].removeprefix(">=")


def spaced(requirement: str) -> str:
    """As conda writes it: jax >=0.10."""
    return re.sub(r"^([\w-]+)(>=.*)$", r"\1 \2", requirement)


def test_its_version_is_that_of_the_project_and_of_the_citation():
    assert yaml.safe_load(RECIPE.read_text())["context"] == {"version": PROJECT["version"], "python_min": OLDEST}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def test_it_needs_what_the_project_needs():
    needs = yaml.safe_load(RECIPE.read_text())["requirements"]
    assert set(needs["run"]) == {"python >=${{ python_min }}", *map(spaced, PROJECT["dependencies"])}
    builds = map(spaced, PYPROJECT["build-system"]["requires"])
    assert set(needs["host"]) == {"python ${{ python_min }}.*", "pip", *builds}


def test_it_tells_of_the_package_what_the_project_tells():
    recipe = yaml.safe_load(RECIPE.read_text())
    about, (program,) = recipe["about"], recipe["build"]["python"]["entry_points"]
    assert (about["summary"], about["license"]) == (PROJECT["description"], PROJECT["license"])
    assert dict([program.split(" = ")]) == PROJECT["scripts"]
    for file in [about["license_file"], *recipe["tests"][1]["files"]["source"]]:
        assert (ROOT / file).is_file(), file


@pytest.mark.dist
@pytest.mark.parametrize("platform", ["linux-64", "linux-aarch64", "osx-arm64"])
def test_it_renders_to_one_package_for_all_platforms(platform):
    rattler = importlib.import_module("rattler_build")  # of the extra `dist`, which `make check` does not install
    config = rattler.RenderConfig(platform=rattler.PlatformConfig(target_platform=platform))
    (variant,) = rattler.Stage0Recipe.from_file(RECIPE).render(render_config=config)
    recipe = variant.recipe.to_dict()
    assert recipe["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert recipe["build"]["noarch"] == "python"
    assert set(recipe["requirements"]["run"]) == {f"python >={OLDEST}", *map(spaced, PROJECT["dependencies"])}
    said = recipe | {"build": recipe["build"] | {"script": None}}  # PYTHON is known only where it is built
    assert "{{" not in str(said)
