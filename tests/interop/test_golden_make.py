"""The script beside the reference data makes the files again that are there, where the peer is installed."""

import json

import numpy as np
import pytest

import golden_data
from golden import make

for peer in ("torch", "ncps"):
    pytest.importorskip(peer, reason="an extra: pip install -e .[golden]")


@pytest.mark.parametrize("name", ["ltc_fc", "ltc_autoncp_float64", "ltc_mixed_irregular", "cfc_wired_proj", "cfc_proj"])
def test_a_file_is_made_again(name):
    """To the bit with the version of PyTorch it was made with; to rounding with others."""
    made, meta = make.again(name), golden_data.load(name).meta
    assert make.distance(made, name) <= (1e-13 if name.endswith("float64") else 1e-6)
    assert json.loads(str(made["meta"])).keys() == meta.keys()


def test_the_wirings_are_made_again():
    assert make.distance(make.wirings_again(), "wirings_ncps") == 0


def test_a_case_of_one_line_has_the_form_of_the_others_and_its_file(tmp_path):
    made = make.draw(**make.CASES["ltc_one_input"])
    assert made.keys() == golden_data.load("ltc_irregular_autoncp").data.keys()
    assert make.distance(made, "ltc_one_input") <= 1e-6 and np.any(made["grad/dt"])
