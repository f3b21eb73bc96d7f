"""The memory experiment: what is counted agrees with counting by hand, zeros are refused, and the command runs."""

import dataclasses
import json
import re
import time
import types
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.gradient_memory import adjoint_error, claims, measurement, report, sweep
from liquidjax.experiments.gradient_memory import work as work_module
from liquidjax.experiments.gradient_memory.config import CELLS, Curve, GradientMemoryConfig, Network
from liquidjax.experiments.shared import byte_counts, configuration, log_log, subprocesses
from liquidjax.experiments.shared.jaxpr_counts import count_tanh, residual_bytes

TIME, BATCH, UNITS = 64, 3, 5
TINY = Network("CT-RNN", units=UNITS, inputs=2, batch=BATCH, unfolds=1)
STATE = BATCH * UNITS * 4  # bytes of a state in float32


def point(method, loss: measurement.Loss = "last", **settings):
    return measurement.Point(TINY, method, TIME, loss, segments=4, **settings)


def shapes_and_loss(given):
    return measurement._arguments(given)[0], measurement.loss_function(given)


# what is counted in the trace


@pytest.mark.parametrize(
    ("method", "states"),
    [
        ("Remat", TIME),
        ("Chunked", 8),  # chunks of 8
        ("Recursive", 4),  # 4 x 4 x 4
        ("SegmentedAdjoint", 4),
        ("Backsolve", 1),
    ],
)
def test_s4_residuals_are_the_states_that_are_kept(method, states):
    """And the last state, which the loss squares."""
    arguments, loss = shapes_and_loss(point(method))
    assert residual_bytes(loss, *arguments) == (states + 1) * STATE


def test_s4_residuals_of_bptt_are_nearly_its_temporary_memory():
    arguments, loss = shapes_and_loss(dataclasses.replace(point("BPTT"), time=4096))
    analysis = jax.jit(jax.value_and_grad(loss)).lower(*arguments).compile(measurement.QUICK).memory_analysis()
    assert analysis is not None and 0.9 < residual_bytes(loss, *arguments) / analysis.temp_size_in_bytes < 1.1


def test_s4_data_are_no_residuals():
    def loss(params, data):
        return jax.numpy.sum(params * jax.jit(lambda x: x.reshape(-1))(data))

    assert residual_bytes(loss, np.ones(6, np.float32), np.ones((2, 3), np.float32)) == 0


@pytest.mark.parametrize(
    ("method", "passes"),
    [
        ("BPTT", 1),
        ("Remat", 2),
        ("Chunked", 4),  # forwards, for the chunk, for the step, for the unfold
        ("Recursive", 5),  # one level more
        ("SegmentedAdjoint", 5),  # forwards, and four stages backwards
        ("Backsolve", 5),
    ],
)
def test_s4_work_is_counted_through_all_loops(method, passes):
    arguments, loss = shapes_and_loss(point(method))
    forwards = count_tanh(loss, *arguments)
    assert forwards == TIME * BATCH * UNITS
    assert count_tanh(jax.grad(loss), *arguments) == passes * forwards


# what the compiler says


@pytest.mark.parametrize("analysis", [None, types.SimpleNamespace(temp_size_in_bytes=0)])
def test_s4_zero_bytes_are_refused(analysis):
    with pytest.raises(ValueError, match="must report temporary bytes for Remat, got none"):
        measurement.checked(analysis, point("Remat"))
    assert measurement.checked(types.SimpleNamespace(temp_size_in_bytes=8), point("Remat")).temp_size_in_bytes == 8


def test_s4_quick_compilation_has_the_same_buffers():
    network = Network("AutoNCP LTC", units=8, outputs=2, batch=2)
    arguments, loss = shapes_and_loss(measurement.Point(network, "Chunked", 100))
    lowered = jax.jit(jax.value_and_grad(loss)).lower(*arguments)
    quick, ordinary = (lowered.compile(options).memory_analysis() for options in (measurement.QUICK, None))
    assert quick is not None and ordinary is not None
    assert quick.temp_size_in_bytes == ordinary.temp_size_in_bytes > 0


def test_s4_an_accelerator_tells_its_peak_and_a_cpu_none():
    device = types.SimpleNamespace(memory_stats=lambda: {"peak_bytes_in_use": 123, "bytes_in_use": 7})
    assert byte_counts.device_peak_bytes(device) == 123
    assert byte_counts.device_peak_bytes(types.SimpleNamespace(memory_stats=lambda: None)) is None
    assert byte_counts.device_peak_bytes(jax.devices("cpu")[0]) is None
    row = sweep.Row(point("BPTT", runs=3), made("BPTT")._replace(device_peak=12_300_000), 0.0, 1.0)
    assert "device peak, MB" in report.timed([row]) and "12.3" in report.timed([row])
    assert "device" not in report.timed([row._replace(measured=made("BPTT"))])


def test_s4_the_gradient_is_the_same_by_every_exact_method_and_loss(tmp_path):
    """Data, loss and precision are those of the point: stacked or not, the loss of all outputs has one gradient."""
    gradients = []
    ways: list[tuple[str, measurement.Loss]] = [("BPTT", "after"), ("Remat", "within"), ("Chunked", "within")]
    for method, loss in ways:
        file = str(tmp_path / f"{method}.npy")
        measured = measurement.measure(point(method, loss, runs=2, float64=True, gradient=file))
        assert len(measured.seconds) == 1 and measured.first_seconds is not None and measured.tau == 1
        gradients.append(np.load(file))
        assert gradients[-1].dtype == np.float64
    for gradient in gradients[1:]:
        assert adjoint_error.relative_error(gradient, gradients[0]) < 1e-12
    assert sweep.cosine(gradients[1], gradients[0]) == pytest.approx(1)


def test_s4_time_steps_are_a_share_of_the_smallest_time_constant():
    sample = measurement.draw(Network("AutoNCP LTC", units=8, outputs=2, batch=2), 4000, 0.1, seed=0)
    assert sample.dt.mean() == pytest.approx(0.1 * sample.tau, rel=0.02)
    assert sample.dt.std() > 0.02 * sample.tau  # irregular
    assert sample.data.shape == (4000, 2, 8 + 2)


# where the adjoint fails


def test_s4_backsolve_is_lost_after_some_time_constants_and_short_segments_are_not():
    errors = adjoint_error.errors(Curve(TINY, steps=256, dt_over_tau=0.1, seed=0))
    pure = [(duration, error) for duration, error, _ in errors.backsolve]
    assert 20 < pure[-1][0] < 30
    lost = adjoint_error.first_above(1.0, pure)
    assert lost is not None and 2 < lost < 25 and not pure[-1][1] < 1e3
    assert not errors.backsolve[-1][2] < 1e3  # float64 does not help
    (short, error), (_, long_error) = errors.segments[0], errors.segments[-1]
    assert short == pytest.approx(0.2, rel=0.2) and error < 0.05 and not long_error < 1e3
    assert errors.fine_segments[0][1] < error / 2  # what is left is the error of the forward solver
    assert 0 < errors.forward < 0.1


def test_s4_an_infinite_gradient_has_an_infinite_error():
    assert adjoint_error.relative_error(np.array([1.0, np.nan]), np.ones(2)) == float("inf")
    assert sweep.cosine(np.array([1.0, np.inf]), np.ones(2)) is None


# the report


def made(method, time=TIME, unfolds=1):
    """A measurement that follows the claims exactly."""
    growth = {"BPTT": unfolds * time, "Remat": time, "Chunked": time**0.5}.get(method, 1)
    return measurement.Measurement(
        temporary_bytes=round(1e6 * growth),
        arguments=time,
        results=1,
        residuals=1000 * time,
        forward_work=unfolds * time,
        gradient_work=5 * unfolds * time,
        compile_seconds=1.0,
        first_seconds=0.2,
        seconds=[0.1 * time, 0.3 * time, 0.2 * time],
        run_peak=None,
        process_peak=300_000_000,
        device_peak=None,
        tau=1.0,
        backend="cpu",
    )


def result_by_claims(config):
    def row(given):
        exact = dict(error=1e-7, cosine=1.0) if given.runs else dict(error=None, cosine=None)
        measured = made(given.method, given.time, given.network.unfolds)
        return sweep.Row(given, measured if given.runs else measured._replace(seconds=[]), **exact)

    sweeps = {name: [row(given) for given in sweep.points(config, one)] for name, one in config.sweeps.items()}
    errors = adjoint_error.Errors(
        backsolve=[(1.0, 1e-4, 1e-4), (10.0, 0.02, 0.02), (20.0, float("inf"), 3.0)],
        segments=[(0.1, 1e-5), (20.0, 1e6)],
        fine_segments=[(0.01, 1e-6), (2.0, 1e-6)],
        forward=1e-3,
        tau=0.1,
    )
    machine = {"machine": "m", "backend": "cpu", "versions": {}, "XLA_FLAGS": "", "loads": [None, 1.0], "seconds": 60}
    long = sweep.Long(made("Chunked"), 1e-6, 1e-14)
    return sweep.Result(sweeps, dict.fromkeys(CELLS, errors), long, machine)


def test_s4_slope_is_fitted_on_the_longest_half():
    times = [1, 10, 100, 1000]
    assert log_log.final_slope(times, [50, 50, 100, 1000]) == pytest.approx(1)
    assert log_log.final_slope(times, [1, 1, 7, 7 * 10**0.5]) == pytest.approx(0.5)
    assert log_log.final_slope([16, 64], [3, 3]) == pytest.approx(0)


def test_s4_the_complexity_table_says_where_it_agrees_and_where_not():
    config = GradientMemoryConfig()
    result = result_by_claims(config)
    made_claims = {(claim.quantity, claim.method): claim for claim in claims.claims(config, result)}
    assert {entry for entry, claim in made_claims.items() if not claim.agrees} == {("backward accuracy", "Backsolve")}
    assert made_claims["memory", "BPTT"].measured.startswith("T^1.00 L^1.00; ")
    assert made_claims["memory", "Chunked"].measured.startswith("T^0.50 ")
    assert "lost from 20 tau on" in made_claims["backward accuracy", "Backsolve"].measured
    assert made_claims["depth", "BPTT"].measured.startswith("30 evaluations in sequence")
    assert "T^1.00 by the clock" in made_claims["time", "BPTT"].measured

    grown = [
        row._replace(measured=row.measured._replace(temporary_bytes=row.point.time * 10**4))
        if row.point.method == "Recursive"
        else row
        for row in result.sweeps["sparse"]
    ]
    worse = result._replace(sweeps={**result.sweeps, "sparse": grown})
    made_claims = {(claim.quantity, claim.method): claim for claim in claims.claims(config, worse)}
    assert not made_claims["memory", "Recursive"].agrees
    text = report.report(config, worse)
    assert "Not as claimed: memory of Recursive; backward accuracy of Backsolve." in text
    assert "| memory            | Recursive        | O(log T)" in text


def test_s4_the_report_names_the_ratio_at_which_the_adjoint_fails():
    config = GradientMemoryConfig()
    text = report.report(config, result_by_claims(config))
    flat = " ".join(text.split())
    assert "poor (error above 0.01) from 10.0 tau on and lost (above 1, or not finite) from 20.0 tau on" in flat
    assert "| 20.00          |     inf | 3.0e+00 |" in text
    assert "One gradient through 1,000,000 time steps" in text and "300 MB of process memory above the imports" in flat
    assert "| (the data)" in text and "slope 1,024-16,384" in text
    assert "| BPTT             |  64 |" in text and "| BPTT             | 1,024 |" not in text.split("## AutoNCP")[0]


# the command


def in_this_process(function, argument, stop, callback=None):
    assert not stop()
    return json.loads(json.dumps(function(argument)._asdict()))


YAML = f"""
dense: &sweep
  network: {{neurons: CT-RNN, units: {UNITS}, inputs: 1, batch: 1, unfolds: 1}}
  shortest: 2
  longest: 8
  lengths: 2
  timed_up_to: 2
sparse:
  network: {{neurons: CT-RNN, units: {UNITS}, inputs: 1, batch: 1, unfolds: 1}}
  shortest: 2
  longest: 8
  lengths: 2
  timed_up_to: 2
  unfolds_at: 2
timed_runs: 2
failure: {{units: 5, outputs: 2, inputs: 1, batch: 1, unfolds: 1, steps: 2}}
long_steps: 9
long_check: 4
"""


@pytest.mark.slow
def test_s4_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(subprocesses, "call", in_this_process)
    (tmp_path / "x.yaml").write_text(YAML)
    cli.main(["gradient-memory", str(tmp_path / "x.yaml"), "--folder", str(tmp_path / "run"), "--seed", "3"])
    said = capsys.readouterr()
    settings = configuration.read(tmp_path / "run" / "config.yaml", GradientMemoryConfig)
    assert settings.seed == 3 and settings.sparse.times == [2, 8]
    assert "compiled 36/36: " in said.err and "timed 6/6: " in said.err and "adjoint, CT-RNN: done" in said.err
    assert "compiled 2/36 (about" in said.err and "one gradient through 9 time steps: about" in said.err
    assert not (tmp_path / "run" / "interrupted.txt").exists()
    text = (tmp_path / "run" / "report.md").read_text()
    assert text in said.out and "CT-RNN: 5 neurons, 1 inputs, batch 1, 1 unfolds, float32" in text
    written = json.loads((tmp_path / "run" / "results.json").read_text())
    assert len(written["sweeps"]["dense"]) == 36 and len(written["sweeps"]["sparse"]) == 42
    timed = [row for row in written["sweeps"]["sparse"] if row["point"]["runs"]]
    assert [row["point"]["method"] for row in timed] == list(measurement.METHODS)
    for row in timed:
        assert row["measured"]["temporary_bytes"] > 0 and len(row["measured"]["seconds"]) == 2
        assert row["error"] < (1e-5 if row["point"]["method"] in measurement.METHODS[:4] else 0.1)
    assert written["long"]["difference_float64"] < 1e-12
    for picture in ("memory", "time", "adjoint_error"):
        assert (tmp_path / "run" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


def test_s4_a_fresh_process_measures_and_its_failure_is_told():
    called = subprocesses.call(measurement.measure, point("Remat", "within", runs=1))
    measured = measurement.Measurement(**called)
    assert measured.temporary_bytes > 0 and measured.backend == "cpu" and measured.seconds == []
    assert subprocesses.environment()["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert measured.process_peak is None or measured.process_peak > 1e6
    with pytest.raises(ChildProcessError, match=r"measure of Point\(.* in its own process: failed: ValueError: length"):
        subprocesses.call(measurement.measure, dataclasses.replace(point("Remat"), time=0))


def test_s4_a_fresh_process_tells_how_far_it_is_and_can_be_stopped():
    curve, shares = Curve(TINY, steps=4, dt_over_tau=0.1, seed=0), []
    called = subprocesses.call(adjoint_error.errors, curve, callback=shares.append)
    assert len(called["backsolve"]) == 3 and shares == pytest.approx([1 / 7, 2 / 7, 3 / 7, 5 / 7, 1])
    begun = time.monotonic()
    with pytest.raises(subprocesses.Stopped):
        subprocesses.call(adjoint_error.errors, dataclasses.replace(curve, steps=2048), stop=lambda: True)
    assert time.monotonic() - begun < 5


def test_s4_nothing_is_waited_for_in_silence(monkeypatch):
    monkeypatch.setattr(work_module, "ALIVE", 0.05)
    said, done = [], []
    with ThreadPoolExecutor(1) as pool:
        work = work_module.Work(pool, said.append, lambda: False)
        future = work.submit(lambda: time.sleep(0.4) or "result")
        assert work.wait(future, "errors", time.perf_counter() - 30, lambda: done.append(1) or 0.5) == "result"
        assert 2 <= len(said) <= 8 and set(said) == {"errors, 30 s so far (about 30 s left)"}
        failing = work.submit(lambda: next(iter(())))
        with pytest.raises(StopIteration):
            work.wait(failing, "errors", 0.0, 0.5)


def test_s4_a_wrong_long_gradient_is_no_result(monkeypatch, tmp_path):
    def measured(given, stop):
        np.save(given.gradient, np.ones(2) * (given.method == "Remat"))
        return made(given.method)

    monkeypatch.setattr(sweep, "_measured", measured)
    with ThreadPoolExecutor(1) as pool:
        work = work_module.Work(pool, lambda text: None, lambda: False)
        with pytest.raises(FloatingPointError, match="Chunked and Remat must give the same gradient through 10000"):
            sweep._long(GradientMemoryConfig(), str(tmp_path / "g.npy"), work)


def test_s4_the_file_in_configs_holds_the_defaults():
    assert configuration.read("configs/gradient_memory.yaml", GradientMemoryConfig) == GradientMemoryConfig()


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        ("timed_run: 1", ["x.yaml"], "x.yaml: unknown key `timed_run`; did you mean `timed_runs`?"),
        ("dense: {longest: 64}", ["x.yaml"], "dense: longest must be above shortest = 64, got 64"),
        ("sparse: {unfolds_at: 7}", ["x.yaml"], "unfolds_at must be 0 or one of the lengths [512, 4096, 32768], got 7"),
        ("sparse: {network: {unfolds: 600}}", ["x.yaml"], "unfolds must be at most 1000"),
        ("dense: {timed_up_to: -1}", ["x.yaml"], "dense: timed_up_to must be an integer of at least 0, got -1"),
        ("dense: {lengths: 1000000000}", ["x.yaml"], "dense: lengths must be at most 20"),
        ("long_steps: 1000000000", ["x.yaml"], "long_steps must be at most 100000000"),
        ("failure: {steps: 10000000}", ["x.yaml"], "failure: steps must be at most 100000"),
        ("seed: -1", ["x.yaml"], "seed must be an integer from 0 to 4294967295 (32 bits), got -1"),
        ("dense: {network: {neurons: GRU}}", ["x.yaml"], "must be one of fully connected LTC, AutoNCP LTC, CT-RNN"),
        ("dense: {network: {units: 0}}", ["x.yaml"], "dense.network: units must be an integer of at least 1, got 0"),
        ("segments: 0", ["x.yaml"], "segments must be an integer of at least 1, got 0"),
        ("dt_over_tau: 0", ["x.yaml"], "dt_over_tau must be above 0 and finite, got 0"),
        ("failure: {steps: 1}", ["x.yaml"], "failure: steps must be an integer of at least 2, got 1"),
        ("", ["x.txt"], "x.txt must be a .yaml file"),
        ("", ["x.yaml", "--folder", "."], "is not empty; choose another folder"),
    ],
)
def test_s4_mistakes_end_with_one_line_and_status_2(text, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweep, "measure_all", lambda *_: pytest.fail("nothing may be measured"))
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        cli.main(["gradient-memory", *arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1


def test_s4_help_explains_every_setting(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["gradient-memory", "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "Example: liquidjax gradient-memory configs/gradient_memory.yaml" in out
    plain = re.sub(r"[^\w.,;:()<>/*+-]+", " ", re.sub("\x1b\\[[0-9;]*m", "", out))  # without frames and colours
    explained = dict(re.findall(r" --([a-z][a-z0-9.-]*) (.*?)\(default", plain))
    assert {"seed", "dense.network.units", "sparse.unfolds-at", "failure.steps"} <= set(explained)
    for option, words in explained.items():
        assert len(words.split()) > 2, option
