"""Weights of ncps that somebody saved as .safetensors, by the public package, in the words of ncps."""

import json
import struct

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

import golden_data
import liquidjax as lj
from liquidjax.interop import from_ncps
from liquidjax.training.ncps_file import network_of, read_ncps

PURE = {
    "rnn_cell.ff1.weight": np.arange(15.0, dtype=np.float32).reshape(3, 5),
    "rnn_cell.ff1.bias": np.ones(3, np.float32),
    "rnn_cell.w_tau": np.zeros((1, 3), np.float32),
    "rnn_cell.A": np.ones((1, 3), np.float32),
}
CALL = "CfC(2, 3, mode='pure', backbone_layers=0)"


def call_of(meta):
    """The call in the words of ncps."""

    def text(value):
        if isinstance(value, dict):
            return f"ncps.wirings.{value['class'].rsplit('.', 1)[-1]}({arguments(value['arguments'])})"
        return repr(value)

    def arguments(given):
        return ", ".join(f"{name}={text(value)}" for name, value in given.items())

    return f"{meta['call']}({arguments(meta['arguments'])})"


@pytest.mark.parametrize("name", ["ltc_autoncp", "ltc_fc_no_self", "ltc_mixed", "cfc_proj", "cfc_default_wired"])
def test_the_networks_of_the_peer_come_through_to_the_bit(name, tmp_path):
    golden = golden_data.load(name)
    weights, meta = golden.part("param"), golden.meta
    file = tmp_path / "weights.safetensors"
    # As torch asks for; of numpy's other orders safetensors 0.8 writes the numbers in the wrong places, silently.
    save_file({each: np.ascontiguousarray(array) for each, array in weights.items()}, file, {"network": call_of(meta)})
    model = read_ncps(file)
    cell, params = from_ncps(golden.name, meta["arguments"], weights)
    assert model.cell == cell and model.notes["network"] == call_of(meta)
    jax.tree.map(np.testing.assert_array_equal, model.params, params)
    model.save(tmp_path / "model.safetensors")
    assert lj.load(tmp_path / "model.safetensors").cell == cell


def test_the_synapses_can_come_from_the_masks(tmp_path):
    golden = golden_data.load("ltc_random")
    weights, meta = golden.part("param"), golden.meta
    file = tmp_path / "weights.safetensors"
    save_file(weights, file)
    units = meta["arguments"]["units"]["arguments"]
    call = f"LTC({meta['arguments']['input_size']}, FullyConnected({units['units']}, {units['output_dim']}))"
    cell = read_ncps(file, call, "masks").cell
    assert isinstance(cell, lj.LTC) and isinstance(cell.wiring, lj.Custom)
    with pytest.raises(ValueError, match=r"does not hold the weights of .*must be the mask of the wiring"):
        read_ncps(file, call)


def test_what_is_said_on_the_call_comes_before_the_file(tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file(PURE, file, {"network": "LTC(2, 3)"})
    assert read_ncps(file, CALL).cell == lj.CfC(2, 3, "pure", backbone_layers=0)
    with pytest.raises(ValueError, match=r"does not hold the weights of 'LTC\(2, 3\)': state_dict must have"):
        read_ncps(file)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (None, "does not say whose weights they are, for it has no metadata; name the network, such as LTC"),
        ("GRU(2, 3)", "must be LTC(...) or CfC(...) of ncps"),
        ("LTC", "expected a call such as LTC(4, AutoNCP(16, 2)), got 'LTC'"),
        ("CfC(2, 3, 4)", "CfC must be called with fewer arguments, or with their names"),
        ("CfC(2, 3, modus='pure')", "has no argument 'modus', did you mean 'mode'?"),
        ("CfC(2, 4, mode='pure', backbone_layers=0)", "must have shape"),
        ("CfC(2, AutoPCN(3, 1))", "units['class'] must be"),
        ("CfC(2, __import__('os').system('true'))", "units"),
        ("CfC(2, 10**10**10)", "an argument must be a number"),
    ],
)
def test_what_does_not_fit_is_one_sentence(call, sentence, tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file(PURE, file)
    with pytest.raises(ValueError) as refused:
        read_ncps(file, call)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


def test_files_that_are_none_are_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file(PURE, file)
    whole = file.read_bytes()
    header = json.dumps({"__metadata__": {"network": 3}}).encode()
    for contents in (b"", whole[:-1], whole[:20], b"PK\3\4" + whole, struct.pack("<Q", len(header)) + header):
        file.write_bytes(contents)
        with pytest.raises(ValueError, match=r"is no \.safetensors file, or is damaged|is not a file that the package"):
            read_ncps(file, CALL)
    with pytest.raises(FileNotFoundError):
        read_ncps(tmp_path / "no.safetensors", CALL)


def test_positions_of_wirings_are_those_of_ncps():
    assert network_of("LTC(4, NCP(6, 4, 2, 2, 2, 3, 2, seed=7))")[1]["units"]["arguments"] == {
        "inter_neurons": 6,
        "command_neurons": 4,
        "motor_neurons": 2,
        "sensory_fanout": 2,
        "inter_fanout": 2,
        "recurrent_command_synapses": 3,
        "motor_fanin": 2,
        "seed": 7,
    }
