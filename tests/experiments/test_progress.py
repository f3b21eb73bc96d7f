"""Progress: bars on a terminal, lines elsewhere, and never silence."""

import re
import time

from liquidjax.experiments.shared import progress


def test_lines_go_on_while_nothing_is_finished(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SILENCE", 0.05)
    with progress.bars(["LTC", "LSTM"], epochs=1000) as tick:
        time.sleep(0.3)
        tick("LTC", 1, 2.0, "loss 1.0")
        tick("LTC", 11, 22.0, "loss 0.5")
        time.sleep(0.3)
        tick("LTC", 1000, 23.0, "loss 0.1")
    lines = capsys.readouterr().err.splitlines()
    assert re.match(r"LTC: compiling, \d+ s so far", lines[0])
    assert "LTC  epoch 1/1000  loss 1.0" in lines  # that was the compilation
    assert any(line.startswith("LTC: epoch 11/1000  1978 s left, ") for line in lines)  # 2 s for each of 989
    assert lines[-1] == "LTC  epoch 1000/1000  loss 0.1  0 s left"


def test_a_line_for_every_fifth_whatever_the_steps(capsys):
    """Epochs may come in chunks that meet no fifth exactly."""
    with progress.bars(["LTC"], epochs=2060) as tick:
        for epoch in range(51, 2060, 51):
            tick("LTC", epoch, 1.0, "")
        tick("LTC", 2060, 1.0, "")
    assert len(capsys.readouterr().err.splitlines()) == 1 + 4 + 1


def test_bars_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.bars(["Lorenz, LTC", "Lorenz, CfC"], epochs=10) as tick:
        tick("Lorenz, LTC", 5, 1.0, "error 0.1234")
    out, err = capsys.readouterr()
    assert "50%" in err and "error 0.1234" in err and "Lorenz, CfC" in err and not out
