"""The network-size table: exact counts, networks that run, and the command around it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.network_sizes import counts, report
from liquidjax.experiments.network_sizes import run as sizes
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.network_sizes.paper import NOTES
from liquidjax.experiments.shared import configuration

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def result():
    return sizes.run(configuration.read("configs/network_sizes.yaml", NetworkSizesConfig))


def test_s6_size_table(result):
    """Lechner et al. (2020), table 2; the two entries that do not agree are those with a note of doubt."""
    assert {(row.network, row.counted): row.ours for row in result.rows} == {
        ("CNN", "parameters"): 5_068_900,
        ("convolutional head", "parameters"): 79_420,
        ("LSTM", "neurons"): 64,
        ("LSTM", "synapses"): 24_640,
        ("LSTM", "parameters"): 24_897,
        ("CT-RNN", "neurons"): 64,
        ("CT-RNN", "synapses"): 6_208,
        ("CT-RNN", "parameters"): 6_273,
        ("NCP", "neurons"): 19,
        ("NCP", "synapses"): 252,
        ("NCP", "parameters"): 1_065,
    }
    different = {(row.network, row.counted): row.paper for row in result.rows if row.ours != row.paper}
    assert different == {("CT-RNN", "synapses"): 6_112, ("NCP", "synapses"): 253}
    assert "Unresolved" in NOTES["CT-RNN", "synapses"] and "inference" in NOTES["NCP", "synapses"]


def test_s6_the_main_text_says_ten_times_what_the_table_gives(result):
    shares = [row.paper_text / row.paper_table for row in result.ratios]
    np.testing.assert_allclose(shares[:4], 10, rtol=0.01)
    np.testing.assert_allclose(shares[4], 1, rtol=0.01)
    expected = [24_640 / 252, 6_208 / 252, 24_897 / 1_065, 6_273 / 1_065, 5_068_900 / (79_420 + 1_065)]
    np.testing.assert_allclose([row.ours for row in result.ratios], expected)


def test_s6_the_report_tells_what_differs_and_why(result):
    text = report.report(NetworkSizesConfig(), result)
    lines = text.splitlines()
    assert [line.split()[-2] for line in lines if line.startswith("CT-RNN  ")][1] == "NO"
    assert sum(" yes" in line for line in lines) == 9 and sum(" NO " in line for line in lines) == 2
    assert max(map(len, lines)) <= 100
    for number, note in enumerate(NOTES.values(), start=1):
        assert f"({number}) " in text and note[:20] in text


def test_s6_counts_follow_the_networks():
    """Two recurrent draws fall together for this seed, and the images are smaller: nothing is written down."""
    counted = counts.count(NetworkSizesConfig(height=64, width=100, frames=1, wiring_seed=22222))
    ours = {(row.network, row.counted): row.ours for row in counted.rows}
    assert ours["NCP", "synapses"] == 250 and ours["NCP", "parameters"] == 4 * 250 + 3 * 19
    assert ours["convolutional head", "parameters"] == 71_388 + 8 * (8 * 13 * 4 + 4)
    assert ours["CNN", "parameters"] == 103_700 + 2 * 6 * 64 * 1000 + 1000 + 100_100 + 100
    assert ours["LSTM", "parameters"] == 24_897


def test_s7_baselines():
    """CT-RNN, LSTM, neural ODE and NCP by the layers they are made of: they run, and count what the layers count."""
    inputs, units, hidden = 32, 64, 50
    cells = {name: cell for name, (cell, _) in counts.networks(inputs, 20190120).items()}
    cells["NODE"] = lj.Readout(lj.NeuralODE(inputs, units, hidden), 1)
    readout = units + 1
    expected = {
        "LSTM": 4 * units * (inputs + units) + 4 * units + readout,
        "CT-RNN": units * (inputs + units) + units + readout,
        "NCP": 4 * (32 * 6 + 12 * 4 + 6 + 6) + 3 * (12 + 6 + 1),
        "NODE": (inputs + units) * hidden + hidden + hidden * units + units + readout,
    }
    assert (expected["LSTM"], expected["CT-RNN"], expected["NCP"]) == (24_897, 6_273, 1_065)
    for name, cell in cells.items():
        params = cell.init(KEY)
        assert count_parameters(cell) == expected[name], name
        _, outputs = lj.unroll(cell, params, jnp.ones((2, 3, inputs)), 0.1)
        assert outputs.shape == (2, 3, 1) and np.all(np.isfinite(outputs)), name


def test_s7_ctrnn_of_the_table_takes_six_euler_steps_of_a_tenth(x64):
    """The published cell: six times x <- x + 0.1 (tanh(W [u, x] + b) - x / tau), tau = 1."""
    readout, dt = counts.networks(32, 0)["CT-RNN"]
    params = readout.init(KEY)
    inputs = jax.random.normal(KEY, (3, 32))
    weight, bias = (np.asarray(leaf, float) for leaf in params.cell.linear)
    x = np.zeros(64)
    for u in np.asarray(inputs, float):
        for _ in range(6):
            x = x + 0.1 * (np.tanh(np.concatenate([u, x]) @ weight + bias) - x)
    np.testing.assert_allclose(lj.unroll(readout, params, inputs, dt)[0], x, atol=1e-10)


def test_s7_lstm_has_one_bias_a_gate_as_the_paper_counts():
    lstm = counts.networks(32, 0)["LSTM"][0].init(KEY).cell
    assert lstm.inputs.bias.size == 4 * 64  # with two, as PyTorch has them, the table's number would be 25,153
    assert lstm.inputs.weight.size + lstm.recurrent.size + 64 == 24_640


def test_s6_a_network_that_fails_is_no_result(monkeypatch):
    broken = lj.Readout(lj.CTRNN(32, 4, lj.Euler(), time_constant=1e-30, learn_time_constant=False), 1)
    monkeypatch.setattr(counts, "networks", lambda inputs, seed: {"CT-RNN": (broken, 1e6)} | dict.fromkeys("ab"))
    with pytest.raises(FloatingPointError, match=r"CT-RNN must give a finite number for each of 2 images, got .*nan"):
        counts.count(NetworkSizesConfig(height=53, width=53))


# the command


def test_s6_command(result, tmp_path, monkeypatch, capsys):
    cli.main(["network-sizes", "configs/network_sizes.yaml", "--folder", str(tmp_path / "run")])
    out = capsys.readouterr().out
    settings = NetworkSizesConfig()
    assert out.startswith(report.report(settings, result))
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"config.yaml", "results.json", "report.md", "sizes.png"}
    assert configuration.read(tmp_path / "run" / "config.yaml", NetworkSizesConfig) == settings
    written = json.loads((tmp_path / "run" / "results.json").read_text())
    assert [counts.Row(**row) for row in written["rows"]] == result.rows
    assert [counts.Ratio(**row) for row in written["ratios"]] == result.ratios
    assert report.table(result.rows) in (tmp_path / "run" / "report.md").read_text()
    assert (tmp_path / "run" / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_s6_command_takes_its_settings_from_the_file_and_the_options(tmp_path, monkeypatch, capsys):
    (tmp_path / "x.yaml").write_text("frames: 1\nheight: 60")
    seen = []
    monkeypatch.setattr(sizes, "run", lambda config, folder: seen.append((config, folder)))
    monkeypatch.setattr(report, "report", lambda config, result: "table")
    cli.main(["network-sizes"])
    cli.main(["network-sizes", str(tmp_path / "x.yaml"), "--height", "70"])
    assert seen == [(NetworkSizesConfig(), None), (NetworkSizesConfig(height=70, frames=1), None)]
    assert capsys.readouterr().out == "table\ntable\n"


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        ("frame: 1", ["x.yaml"], "x.yaml: unknown key `frame`; did you mean `frames`?"),
        ("height: 52", ["x.yaml"], "x.yaml: height must be an integer of at least 53, got 52"),
        ("height: 100000", ["x.yaml"], "x.yaml: height must be at most 4096"),
        ("{height: 4000, width: 4000}", ["x.yaml"], "x.yaml: height * width must be at most 500000"),
        ("wiring_seed: -1", ["x.yaml"], "x.yaml: wiring_seed must be an integer from 0 to 4294967295"),
        ("seed: 4294967296", ["x.yaml"], "x.yaml: seed must be an integer from 0 to 4294967295"),
        ("frames: 0", ["x.yaml"], "frames must be an integer of at least 1, got 0"),
        ("", ["x.txt"], "x.txt must be a .yaml file"),
        ("", ["x.yaml", "--folder", "."], "is not empty; choose another folder"),
    ],
)
def test_s6_mistakes_end_with_one_line_and_status_2(text, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        cli.main(["network-sizes", *arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1


def test_s6_help(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["network-sizes", "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "Example: liquidjax network-sizes" in out and "--wiring-seed" in out
