"""What makes the pages: docstrings as text for Sphinx, names, links, numbers, notebooks."""

import inspect
import json

import pytest

import liquidjax as lj
from making import commands, docstrings, measured, names, notebooks, texts


def restructured(text: str) -> str:
    """A docstring in which only `LTC` can be linked."""
    return "\n".join(docstrings.restructured(inspect.cleandoc(text).splitlines(), {"LTC": "liquidjax.LTC"}.get))


def test_prose_means_what_it_says():
    assert restructured("Shape (*batch, units_), |w| and `LTC`s.") == (
        "Shape (\\*batch, units\\_), \\|w\\| and :py:obj:`LTC <liquidjax.LTC>`\\ s.\n"
    )


def test_aligned_lines_stand_as_they_are():
    made = restructured(
        """The equations.

        r = sigmoid(W u);  z = sigmoid(U h);
        h <- (1 - z) n + z h.
        """
    )
    assert (
        ".. code-block:: none" in made and "   r = sigmoid(W u);  z = sigmoid(U h);\n   h <- (1 - z) n + z h." in made
    )


def test_an_example_is_left_alone():
    made = restructured(
        """One line.

        Example:
            >>> f(*x)
            'a_'
        """
    )
    assert ".. rubric:: Example\n\n>>> f(*x)\n'a_'" in made


def test_arguments_are_definitions_and_their_lists_stay_together():
    made = restructured(
        """One line.

        Args:
            a, b: two of them, which need
                two lines.
        """
    )
    assert ":Parameters:\n   ``a, b``\n      two of them, which need\n      two lines." in made


def test_the_exported_names_are_those_of_the_package():
    public = [name for name, value in vars(lj).items() if not name.startswith("_") and not inspect.ismodule(value)]
    assert names.exports() == sorted(public)


def test_every_module_lists_what_it_defines():
    by_path = {module.path: [name.name for name in module.names] for module in names.modules()}
    assert "LTC" in by_path["liquidjax.cells.ltc"] and "SHORTEST" in by_path["liquidjax.sequences.methods.auto"]
    assert all(not path.split(".")[-1].startswith("_") or path.endswith("._types") for path in by_path)


def test_links_of_the_repository_lead_to_pages():
    text = "![p](docs/screenshots/front.png) [a](docs/sweep.md#workers) [b](configs/shift.yaml) [c](https://x.org)"
    assert texts.linked(text, "", "https://github.com/who/what") == (
        "![p](docs/screenshots/front.png) [a](/sweep.md#workers) "
        "[b](https://github.com/who/what/blob/main/configs/shift.yaml) [c](https://x.org)"
    )


def test_a_section_that_the_readme_has_not_is_an_error():
    with pytest.raises(ValueError, match="must have a section 'No such'"):
        texts.readme("No such")


def test_a_section_ends_where_the_next_begins_and_not_in_code():
    section = texts.readme("Speed")
    assert section.startswith("One training step") and "# tune_cpu turns this off" in section and "## " not in section


def test_numbers_are_those_of_the_files():
    rows = json.loads((measured.RESULTS / "c_step.json").read_text())["results"][0]["rows"]
    code = next(row["code"] for row in rows if row["network"] == "GRU" and row["in C"] == "float")
    assert measured.c_step("GRU", "code") == f"{code:,}"
    rows = json.loads((measured.RESULTS / "cfc_training_step.json").read_text())["results"][0]["rows"]
    time = next(row["milliseconds"] for row in rows if row["contender"] == "liquidjax, BPTT")
    assert measured.bench("cfc_training_step", 0, "liquidjax, BPTT", "milliseconds") == f"{time:.3g}"


@pytest.mark.parametrize("ask", [lambda: measured.bench("c_step", 0, "nobody"), lambda: measured.shift("nobody")])
def test_a_number_that_is_not_there_is_an_error(ask):
    with pytest.raises(ValueError, match="must"):
        ask()


def test_colab_has_a_button_only_where_the_repository_is_known():
    assert "colab" not in notebooks.buttons("anatomy", "") and "colab" not in notebooks.buttons(
        "anatomy", "https://x.org/a"
    )
    assert "colab.research.google.com/github/me/it/blob/main/notebooks/anatomy.ipynb" in notebooks.buttons(
        "anatomy", "https://github.com/me/it"
    )


@pytest.mark.parametrize("name", notebooks.names())
def test_the_outputs_that_are_kept_are_of_the_notebook_that_is_there(name):
    """If not, `make docs` runs it and writes docs/executed/ anew."""
    assert notebooks.fresh(name)


def test_boxes_of_a_terminal_are_taken_away():
    assert commands.plain("a\n╭─ options ─╮\n│ -h        │\n╰───────────╯\n") == "a\noptions:\n  -h"
