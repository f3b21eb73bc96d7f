"""`liquidjax import`: weights from elsewhere. `export` is in `tests/export/test_formats.py`."""

import numpy as np
import pytest
from safetensors.numpy import save_file

import liquidjax as lj
from liquidjax import __main__ as cli


def test_weights_of_ncps_become_a_model_that_predicts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arrays = {"ff1.weight": (3, 5), "ff1.bias": (3,), "w_tau": (1, 3), "A": (1, 3)}
    save_file({f"rnn_cell.{name}": np.ones(shape, np.float32) for name, shape in arrays.items()}, "weights.safetensors")
    command = ["import", "weights.safetensors", "--network", "CfC(2, 3, mode='pure', backbone_layers=0)"]
    cli.main(command)
    out = capsys.readouterr().out
    assert "24 parameters; the model is in weights-model.safetensors" in out
    assert lj.load("weights-model.safetensors").cell == lj.CfC(2, 3, "pure", backbone_layers=0)
    with pytest.raises(SystemExit) as stop:
        cli.main(command)
    assert stop.value.code == 2 and "weights-model.safetensors is there already" in capsys.readouterr().err
