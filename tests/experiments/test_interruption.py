"""Ctrl-C and SIGTERM: real processes and real signals, at several moments; what is done so far is kept."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.shared import interruption
from liquidjax.experiments.supervised import evaluate

# A test may run in the background of a shell, where Ctrl-C is ignored; and that is passed on.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import liquidjax.__main__ as m; m.main()"
)
DIGITS = """
data: {source: 'liquidjax.tasks.digits:rows'}
model: {cell: 'LTC(wiring=AutoNCP(8, 4), integrator=SemiImplicit(1))', compare: [LSTM, GRU]}
training: {epochs: 900000, batch_size: 512, tune_cpu: false}
"""
SECTIONS = "{train: 24, test: 10, interval: 0.1, noise: 0.05}"
FORECASTING = f"""
sines: {SECTIONS}
networks: {{units: 2, large_units: 3, unfolds: 1, backbone_units: 2}}
learning_rates: {{count: 1}}
longest_window: 4
starts: 3
seeds: 2
epochs: 60
"""
NETWORK = "{neurons: CT-RNN, units: 5, inputs: 1, batch: 1, unfolds: 1}"
GRADIENT_MEMORY = f"""
dense: {{network: {NETWORK}, shortest: 2, longest: 8, lengths: 2, timed_up_to: 2}}
sparse: {{network: {NETWORK}, shortest: 2, longest: 8, lengths: 2, timed_up_to: 2, unfolds_at: 0}}
failure: {{units: 5, outputs: 2, inputs: 1, batch: 1, unfolds: 1, steps: 2}}
"""


def start(place, command, text, **options):
    (place / "x.yaml").write_text(text)
    arguments = [sys.executable, "-c", PROGRAM, command, str(place / "x.yaml"), "--folder", str(place / "run")]
    return subprocess.Popen(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def wait_for(condition, process):
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def history(place):
    file = place / "run" / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_used(folder, capsys):
    """predict and evaluate work with what is in the folder, and say that it was interrupted."""
    cli.main(["predict", str(folder), str(folder / "sample.csv")])
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 6 and err.startswith("liquidjax: this run did not come to its end: Interrupted")
    cli.main(["evaluate", str(folder)])
    out, err = capsys.readouterr()
    assert "the same as training recorded: yes" in out and "Interrupted" in err
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(evaluate.restore(folder).model.params))


@pytest.mark.parametrize(("number", "epochs"), [(signal.SIGINT, 0), (signal.SIGINT, 3), (signal.SIGTERM, 1)])
def test_train_keeps_what_is_trained(number, epochs, tmp_path, capsys):
    """In the first compilation, when there is no epoch yet, and later."""
    process = start(tmp_path, "train", DIGITS)
    wait_for(lambda: (tmp_path / "run" / "metrics.jsonl").exists() and len(history(tmp_path)) >= epochs, process)
    process.send_signal(number)
    process.send_signal(number)  # as `timeout` does, which sends it to the process and to its group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, (out, err)
    assert err.count("liquidjax: stopping; what is done so far is being saved") == 1 and "Traceback" not in err
    done = len(history(tmp_path))
    assert f"Interrupted in epoch {done + 1} of 900000 of the LTC; the LTC is what it was by then." in out
    assert f"Next: liquidjax predict {tmp_path}/run {tmp_path}/run/sample.csv" in out
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.yaml",
        "metrics.jsonl",
        "model.safetensors",
        "results.json",
        "SHA256SUMS",
        "sample.csv",
        "interrupted.txt",
        "checkpoints",
    }
    is_used(tmp_path / "run", capsys)


def test_train_keeps_the_liquid_network_when_another_is_interrupted(tmp_path, capsys):
    process = start(tmp_path, "train", DIGITS.replace("900000", "30"))
    wait_for(lambda: any(line["network"] == "LSTM" for line in history(tmp_path)), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert re.search(
        r"Interrupted (in epoch \d+ of 30 of|before) the (LSTM|GRU); the LTC was trained to its end\.", out
    )
    rows = json.loads((tmp_path / "run" / "results.json").read_text())
    assert rows[0]["name"] == "LTC" and len(rows) < 4
    is_used(tmp_path / "run", capsys)


def test_the_second_one_ends_it_at_once(tmp_path):
    # A program that takes long to compile, and is not found among those that are kept.
    slow = DIGITS.replace("AutoNCP(8, 4), integrator=SemiImplicit(1)", "AutoNCP(96, 40), integrator=SemiImplicit(12)")
    process = start(tmp_path, "train", slow, env={**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"})
    wait_for((tmp_path / "run" / "metrics.jsonl").exists, process)  # XLA compiles: Python runs no handler
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None and "stopping" in process.stderr.readline()
    time.sleep(1)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - begun < 2


def test_ctrl_c_in_a_terminal(tmp_path):
    """With bars, and Ctrl-C typed: it goes to every process of the terminal, and the cursor comes back."""
    (tmp_path / "x.yaml").write_text(DIGITS)
    terminal, end_of_child = pty.openpty()
    owning = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {PROGRAM}"
    process = subprocess.Popen(
        [sys.executable, "-c", owning, "train", "x.yaml", "--folder", "a b"],
        **dict.fromkeys(("stdin", "stdout", "stderr"), end_of_child),
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    os.close(end_of_child)
    said, typed, end = b"", False, time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # closed at the other end
                break
        if not typed and b"validation accuracy" in said:
            os.write(terminal, b"\x03")
            typed = True
    assert process.wait(timeout=60) == 130, said
    os.close(terminal)
    text = said.decode()
    assert "stopping; what is done so far is being saved" in text and "Traceback" not in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "Next: liquidjax predict 'a b' 'a b/sample.csv'" in text
    assert (tmp_path / "a b" / "model.safetensors").exists()


def test_forecasting_keeps_the_networks_that_are_trained(tmp_path):
    process = start(tmp_path, "forecasting", FORECASTING.replace("epochs: 60", "epochs: 3000"))
    assert process.stderr is not None
    for line in process.stderr:
        if "LTC (2)" in line:  # the liquid layer is trained
            break
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, (out, err)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert list(results) == ["sines"]
    names = [row["network"] for row in results["sines"]["rows"]]
    assert names[0] == "liquid layer (2)" and names[-2:] == ["ridge regression", "persistence"] and len(names) < 7
    sentence = (tmp_path / "run" / "interrupted.txt").read_text().strip()
    assert re.fullmatch(r"Interrupted in the training of Sum of sines, \w+ \(\d\)\.", sentence)
    assert sentence in out and sentence in (tmp_path / "run" / "report.md").read_text()


def test_gradient_memory_keeps_what_is_measured_and_leaves_no_process_behind(tmp_path):
    process = start(tmp_path, "gradient-memory", GRADIENT_MEMORY)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("compiled 2/"):
            break
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    for child in children.stdout.split():
        assert subprocess.run(["ps", "-p", child], capture_output=True).returncode != 0
    written = json.loads((tmp_path / "run" / "results.json").read_text())
    assert written["interrupted"] in out and written["interrupted"].startswith("Interrupted after ")
    assert 2 <= len(written["sweeps"]["dense"]) < 36
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"config.yaml", "results.json", "interrupted.txt"}


# in this process


def test_a_notebook_is_not_touched():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interruption.interruptible(saves=True) as stop:
        assert signal.getsignal(signal.SIGTERM) != before[1] and not stop()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert stop.status == 0 and signal.set_wakeup_fd(-1) == -1
    seen = []

    def elsewhere():
        with interruption.interruptible(saves=True) as stop:
            seen.extend([signal.getsignal(signal.SIGINT) == before[0], stop()])

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [True, False]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_a_flag_also_where_exceptions_are_swallowed(number, status, capfd, request):
    class Swallows:
        def __del__(self):  # as a callback of the garbage collector does
            os.kill(os.getpid(), number)
            time.sleep(0.1)

    before = signal.signal(number, signal.default_int_handler)  # whoever runs the tests may have them ignore Ctrl-C
    request.addfinalizer(lambda: signal.signal(number, before))
    with interruption.interruptible(saves=True) as stop:
        Swallows()
        deadline = time.monotonic() + 10
        while not stop() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stop() and stop.status == status
    assert "stopping" in capfd.readouterr().err
