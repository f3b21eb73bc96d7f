"""`liquidjax train --distributed`: two processes with two devices each are one run."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from liquidjax import __main__ as cli
from processes_of import ENVIRONMENT, ended, free_port
from tiny_series import CONFIG, as_csv, rows

SHORT = "{epochs: 2, batch_size: 64, tune_cpu: false}"
COMMAND = [sys.executable, "-m", "liquidjax", "train"]


def config(place, training=SHORT):
    (place / "walks.csv").write_text(as_csv(rows()))
    text = CONFIG.replace("SOURCE", str(place / "walks.csv")).replace(SHORT, training)
    (place / "small.yaml").write_text(text)
    return str(place / "small.yaml")


def as_distributed(*arguments):
    """The commands of both."""
    together = ["--distributed", "--coordinator", f"localhost:{free_port()}", "--processes", "2"]
    return [[*COMMAND, *arguments, *together, "--process-id", str(process)] for process in range(2)]


def curves(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(line["epoch"], line["loss"], line["validation_loss"]) for line in lines]


def scores(folder):
    """Of each network and model without one: shares of so few series that no rounding changes them."""
    rows = json.loads((folder / "results.json").read_text())
    return [[row["name"], row["validation"]["accuracy"], row["test"]] for row in rows]


@pytest.mark.slow
def test_two_processes_are_one_run_and_one_of_them_writes_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"{ENVIRONMENT['XLA_FLAGS']} --xla_force_host_platform_device_count=2")
    file = config(tmp_path)
    cli.main(["train", file, "--folder", str(tmp_path / "alone")])
    first, second = ended(as_distributed(file, "--folder", str(tmp_path / "both")))
    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert (second.out, second.err) == ("", "") and "[Gloo]" not in first.out
    assert {path.name for path in (tmp_path / "both").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }
    np.testing.assert_allclose(curves(tmp_path / "both"), curves(tmp_path / "alone"), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_calibrated_members_that_are_asked_at_another_sampling_are_those_of_one_process(tmp_path):
    """Another process trains along, and process 0 alone measures; with two networks, of which one is calibrated."""
    file = config(tmp_path, "{epochs: 3, batch_size: 4, tune_cpu: false, calibrate: true, members: {seed: [0, 1]}}")
    options = [
        "--model.cell",
        "LTC(wiring=FullyConnected(2))",
        "--model.compare",
        "GRU(units=2)",
        "--shift.lost",
        "0.5",
    ]
    cli.main(["train", file, *options, "--folder", str(tmp_path / "alone")])
    first, second = ended(as_distributed(file, *options, "--folder", str(tmp_path / "both")))
    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert not second.out and "lost 0.5" in first.out
    for left, right in zip(curves(tmp_path / "both"), curves(tmp_path / "alone"), strict=True):
        assert left[0] == right[0]
        np.testing.assert_allclose(left[1:], right[1:], rtol=0, atol=1e-5)
    assert scores(tmp_path / "both") == scores(tmp_path / "alone")


@pytest.mark.slow
def test_one_gets_sigterm_and_all_stop_and_the_run_goes_on_in_one_process(tmp_path):
    file = config(tmp_path, "{epochs: 400, batch_size: 4, tune_cpu: false, checkpoint_seconds: 1000}")
    folder = tmp_path / "run"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    both = [subprocess.Popen(command, **pipes) for command in as_distributed(file, "--folder", str(folder))]
    for _ in range(600):
        if (folder / "metrics.jsonl").is_file() and len(curves(folder)) > 3:
            break
        time.sleep(0.1)
    both[1].send_signal(signal.SIGTERM)
    (out, _), (other, said) = (process.communicate(timeout=60) for process in both)
    assert [process.returncode for process in both] == [75, 143]
    assert "Interrupted in epoch" in out and f"liquidjax train --resume {folder}" in out
    assert not other and said.count("\n") == 1  # that it stops
    done = len(curves(folder))
    assert done > 3 and len(list((folder / "checkpoints" / "0").glob("step-*"))) == 1
    cli.main(["train", "--resume", str(folder)])
    assert len(curves(folder)) == 400 and not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_a_batch_that_the_devices_do_not_divide_is_refused_before_there_is_a_folder(tmp_path):
    file = config(tmp_path, "{epochs: 2, batch_size: 5, tune_cpu: false}")
    ends = ended(as_distributed(file, "--folder", str(tmp_path / "run")))
    assert [each.status for each in ends] == [2, 2] and not (tmp_path / "run").exists()
    assert all("must be a multiple of the 2 devices that share a batch, such as 4 or 6, got 5" in e.err for e in ends)
