"""What the moving figure computes, in Node: its networks, its physics, and what its text says of both."""

import json
import re
import shutil
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest
from moving_figure import exporting

import liquidjax as lj
from figure_vectors import FOLDER, MODELS, NETWORKS, vectors
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.control import cartpole, faults, plant
from liquidjax.export.javascript import node
from node_run import needs_node

_NUMBER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])")
WITH_ADDRESS = re.compile(r"https?:|//\w|@import|url\(")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A function that gives the value of an expression of JSON, after some lines, with the modules by their names."""
    folder = tmp_path_factory.mktemp("figure")
    for path in FOLDER.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}')  # else Node does not take .js for one
    names = ("ltc", "lstm", "plant", "simulation")
    imports = "".join(f"import * as {name} from './{name}.js';" for name in names)

    def value(expression, body=""):
        code = f"{imports}{body}; console.log(JSON.stringify({expression}));"
        command = [node.found() or "node", "--input-type=module", "-e", code]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert not done.returncode, done.stderr[:2000]
        return json.loads(done.stdout)

    return value


@needs_node
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_the_figure_answers_as_step_does(name, ran):
    given = vectors(name)
    body = f"""
    let state = {name}.init(), outputs;
    const found = {json.dumps([given.inputs.tolist(), given.dt.tolist()])};
    const forces = found[0].map((inputs, t) => {{
        [state, outputs] = {name}.step(state, inputs, found[1][t]);
        return outputs[0];
    }})"""
    np.testing.assert_allclose(ran("forces", body), given.forces, rtol=0, atol=1e-5 * np.abs(given.forces).max())
    assert ran(f"{name}.selftest()") < 1


@needs_node
def test_the_plant_is_that_of_the_experiment(ran, x64):
    """Thirty steps from a start, each under another force."""
    forces = np.random.default_rng(0).uniform(-10, 10, 30)
    state = np.array([0.2, -0.05, 0.1, 0.3])
    wanted = []
    for force in forces:
        state = np.asarray(cartpole.runge_kutta(jnp.asarray(state), jnp.asarray(force), plant.STEP))
        wanted.append(state)
    body = f"""
    let state = [0.2, -0.05, 0.1, 0.3];
    const found = {forces.tolist()}.map((force) => (state = plant.advance(state, force)))"""
    np.testing.assert_allclose(ran("found", body), np.array(wanted), rtol=0, atol=1e-9)
    found = ran("[plant.STEP, plant.TRACK, plant.LEAN, plant.LIMIT, plant.NOISE_UNIT]")
    pole = cartpole.CartPole()
    assert found == [plant.STEP, cartpole.TRACK, pytest.approx(cartpole.LEAN), pole.limit, [*pole.noise_unit]]
    edges = [[2.41, 0, 0, 0], [0, -0.21, 0, 0], [2.39, 0.2, 0, 0]]
    assert ran(f"{edges}.map(plant.fell)") == [True, True, False]


@needs_node
def test_frames_come_as_those_of_the_experiment_do(ran):
    """Every fourth step of physics, or every second; none of those that are lost, but for the first."""
    body = """
    const calls = (settings) => {
        const made = new simulation.Simulation({ ltc, lstm }, 3), found = { ltc: [], lstm: [] };
        Object.assign(made.settings, settings);
        for (let t = 0; t < 40; t++) {
            const before = Object.keys(found).map((name) => made.trials[name].calls ?? 0);
            made.tick();
            Object.keys(found).forEach((name, i) => (made.trials[name].calls ?? 0) > before[i] && found[name].push(t));
        }
        return found;
    }"""
    for gap, rate in ((4, 1), (2, 2)):
        times = faults.frame_times(faults.Faults(rate=rate), 4, 40, np.random.default_rng(0)).tolist()
        found = ran(f"calls({{ gap: {gap} }})", body)
        assert found == {"ltc": times, "lstm": times}
    lost = ran("calls({ gap: 1, lost: 0.5 })", body)
    assert lost["ltc"] == lost["lstm"] and lost["ltc"][0] == 0 and 10 < len(lost["ltc"]) < 30


@needs_node
def test_what_the_figure_says_of_its_networks_is_so(ran):
    """Falls of five seeds in 30 s: none at first, and each network has its weakness."""
    body = """
    const falls = (settings) => {
        const found = { ltc: 0, lstm: 0 };
        for (let seed = 1; seed <= 5; seed++) {
            const made = new simulation.Simulation({ ltc, lstm }, seed);
            Object.assign(made.settings, settings);
            for (let t = 0; t < 3000; t++) made.tick();
            for (const name of Object.keys(found)) found[name] += made.trials[name].falls;
        }
        return found;
    }"""
    first, lost, fast, noise, slow = ran(
        "[{}, { lost: 0.4 }, { gap: 1 }, { noise: 0.3 }, { gap: 12 }].map(falls)", body
    )
    assert first == {"ltc": 0, "lstm": 0}
    assert lost["ltc"] < lost["lstm"] / 3 and fast["ltc"] < fast["lstm"]
    assert noise["lstm"] < noise["ltc"] / 3 and slow["lstm"] < slow["ltc"]


@needs_node
def test_a_start_is_the_same_for_both_and_what_lies_is_set_up_again(ran):
    body = """
    const made = new simulation.Simulation({ ltc, lstm }, 1), starts = [1, 2, 3].map((n) => simulation.start(5, n));
    const same = JSON.stringify(made.trials.ltc.body) === JSON.stringify(made.trials.lstm.body);
    made.settings.gap = 1e9;
    for (let t = 0; t < 1000; t++) made.tick();"""
    same, falls, number, starts = ran("[same, made.trials.ltc.falls, made.trials.ltc.number, starts]", body)
    assert same and falls >= 2 and number >= 1
    assert (np.abs(starts) <= [0.3, 0.06, 0.3, 0.3]).all() and len({*map(tuple, starts)}) == 3


@needs_node
def test_what_is_committed_is_what_the_trained_networks_make():
    for name, text in exporting.files().items():
        committed, made = (_NUMBER.split(each) for each in ((FOLDER / name).read_text(), text))
        assert committed[::2] == made[::2]  # and what another machine computes may differ in the last bit of a float
        np.testing.assert_allclose(np.array(committed[1::2], float), np.array(made[1::2], float), rtol=1e-6)


def test_it_is_small_and_loads_nothing_from_elsewhere():
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    for path in (*files, MODELS / "figure.html"):
        code = re.sub(r"/\*.*?\*/|<!--.*?-->|(?<=[ ;])// .*", "", path.read_text(), flags=re.DOTALL)
        assert not WITH_ADDRESS.search(code), path
    scripts = "".join(path.read_text() for path in files if path.suffix == ".js")
    assert not re.search(r"\b(fetch|XMLHttpRequest|eval|localStorage)\b", scripts)


def test_the_network_is_an_ncp_of_19_neurons_and_the_lstm_of_its_size():
    ltc, lstm = (lj.load(MODELS / f"{name}.safetensors").cell for name in NETWORKS)
    assert isinstance(ltc, lj.Readout) and isinstance(lstm, lj.Readout) and isinstance(lstm.cell, lj.WithTime)
    assert isinstance(ltc.cell, lj.LTC) and ltc.cell.wiring == lj.AutoNCP(19, 1) and type(lstm.cell.cell) is lj.LSTM
    assert abs(count_parameters(lstm) / count_parameters(ltc) - 1) < 0.1
