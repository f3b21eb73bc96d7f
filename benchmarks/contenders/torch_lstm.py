"""torch's LSTM with as many units, for scale."""

import torch
from setting import Setting
from weights import Arrays

from contenders import Contender, torch_steps


def build(setting: Setting, arrays: Arrays) -> Contender:
    """The LSTM over the sequences of the setting; all units are outputs."""
    if setting.what == "stream":
        raise NotImplementedError("the LSTM of torch takes part with sequences only")
    network = torch.nn.LSTM(setting.inputs, setting.units)
    return torch_steps.sequences(setting, network, notes="another network, for scale")
