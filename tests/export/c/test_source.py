"""The C file as a whole: strict compilers, sanitizers, C++, several models, names of any kind, and its own test."""

import dataclasses
import subprocess
from importlib.metadata import version

import numpy as np
import pytest

import liquidjax as lj
from compiled_c import STRICT, Loaded, compile_c, needs_compiler, needs_cpp
from drawn import drawn
from liquidjax.export import comparison
from liquidjax.export.c.source import said, source
from liquidjax.export.deployed import Deployed
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification

HOSTILE = ("*/ int x; /*??/", 'a"\\\n#error', "Türhöhe 🚪\u202e", "{name}%s$place", "NAME_REAL 0.5", "x" * 3000)


def model(features=("temperature", "height"), classes=("low", "high"), units=2):
    count = len(features)
    cell = lj.Readout(lj.LTC(count, lj.FullyConnected(units)), len(classes))
    preparation = Preparation((1.5,) * count, (0.1,) * count, time_unit=0.02, first_step=0.02)
    return lj.Model(cell, drawn(cell), preparation, Classification(), features, classes)


def text(made, dtype="float32", name="model", file="model.c"):
    deployed = Deployed(made, dtype)
    given = comparison.readings(deployed, steps=8, series=1)
    return source(said(deployed, name), deployed, file, given, comparison.expected(deployed, given))


@pytest.fixture(scope="module")
def written():
    return text(model())


def ended(folder, program):
    return subprocess.run([folder / program], capture_output=True, text=True)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_tests_itself_under_the_sanitizers(dtype, tmp_path):
    (tmp_path / "model.c").write_text(text(model(), dtype))
    sanitizers = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all")
    compile_c(tmp_path, *STRICT, "-g", *sanitizers, "-DMODEL_SELFTEST", "model.c", "-lm", "-o", "tested")
    done = ended(tmp_path, "tested")
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout.removeprefix("model: the largest difference from liquidjax is ").split()[0]) < 0.5


@needs_compiler
def test_its_own_test_notices_another_weight(written, tmp_path):
    before, after = written.split("model_cell_cell_capacitance[2] = {\n")
    (tmp_path / "model.c").write_text(f"{before}model_cell_cell_capacitance[2] = {{\n    0.3f,{after.split(',', 1)[1]}")
    compile_c(tmp_path, "-DMODEL_SELFTEST", "model.c", "-lm", "-o", "tested")
    assert ended(tmp_path, "tested").returncode == 1


@needs_compiler
def test_names_of_any_kind_are_kept_and_do_no_harm(tmp_path):
    loaded = Loaded(text(model(HOSTILE, HOSTILE[::-1]), file='*/ "evil\n.c'), tmp_path, "float32")
    assert loaded.names("input", len(HOSTILE)) == [name.encode() for name in HOSTILE]
    assert loaded.names("output", len(HOSTILE)) == [name.encode() for name in HOSTILE[::-1]]


@needs_compiler
@needs_cpp
def test_two_models_are_called_from_one_file_of_cpp(written, tmp_path):
    (tmp_path / "model.c").write_text(written)
    (tmp_path / "second.cpp").write_text(text(model(), "float64", "second"))
    (tmp_path / "main.cpp").write_text("""
#define MODEL_DECLARATIONS
#include "model.c"
#define SECOND_DECLARATIONS
#include "second.cpp"
#include "second.cpp"
int main() {
    model_state state;
    second_state other;
    float x[MODEL_INPUTS] = {1.5f, 1.4f}, y[MODEL_OUTPUTS];
    double u[SECOND_INPUTS] = {1.5, 1.4}, z[SECOND_OUTPUTS];
    model_reset(&state);
    second_reset(&other);
    if (model_step(&state, x, MODEL_FIRST_DT, y) || second_step(&other, u, SECOND_FIRST_DT, z)) return 1;
    const double difference = double(y[0]) - z[0], sum = z[0] + z[1];
    return difference < 1e-6 && difference > -1e-6 && sum > 0.999999 && sum < 1.000001 ? 0 : 2;
}
""")
    compile_c(tmp_path, *STRICT, "-c", "model.c")
    flags = [flag for flag in STRICT if flag != "-std=c99"]
    command = ["g++", "-std=c++11", *flags, "main.cpp", "second.cpp", "model.o", "-lm", "-o", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert ended(tmp_path, "main").returncode == 0


@needs_compiler
def test_a_compiler_that_is_told_there_is_no_nan_is_refused(written, tmp_path):
    (tmp_path / "model.c").write_text(written)
    with pytest.raises(AssertionError, match="compile without -ffast-math"):
        compile_c(tmp_path, "-ffast-math", "-c", "model.c")


@needs_compiler
def test_sources_beyond_255_are_kept(tmp_path, x64):
    """The numbers of synapses are of the smallest type that holds them."""
    cell = lj.LTC(300, lj.FullyConnected(2), input_mapping=None)
    made, rng = lj.Model(cell, drawn(cell)), np.random.default_rng(0)
    deployed = Deployed(made, "float64")
    given = comparison.readings(deployed, steps=5, series=1)
    given.features[:] = rng.normal(size=given.features.shape)
    wanted = comparison.expected(deployed, given)
    found = source(said(deployed, "model"), deployed, "model.c", given, wanted)
    assert "typedef unsigned short model_index;" in found
    assert found.count("\n *     [") == 200 + 2  # inputs are listed up to there
    answers = Loaded(found, tmp_path, "float64").run(given.features[:, 0], given.dt[:, 0], 2)
    np.testing.assert_allclose(answers, wanted[:, 0], rtol=0, atol=1e-12)


def test_equal_models_make_equal_files(written):
    assert text(model()) == written
    assert text(dataclasses.replace(model(), features=("a", "b"))) != written


def test_the_file_says_what_it_is_and_in_float_nothing_is_double(written):
    head, code = written.split("#ifndef MODEL_DECLARED")
    head = head.replace("\n * ", " ")
    for line in (
        f"Written by liquidjax {version('liquidjax')}; not to be edited.",
        "Readout(cell=LTC(inputs=2,",
        "    [1] height; 1.5 +- 0.1 in training",
        " outputs, probabilities:     [0] low",
        "A unit of the time constants of the network is 0.02 of it.",
        "cc -DMODEL_SELFTEST model.c -lm && ./a.out",
    ):
        assert line in head
    assert head.isascii() and "double" not in code.split("#if defined(MODEL_SELFTEST) && ")[0]
    assert "#define MODEL_FIRST_DT 0.0199999996f" in code
