"""What callbacks write down of a training."""

import importlib
import io
import json
import time

import numpy as np

from liquidjax.training.progress import Epoch
from liquidjax.training.reports import json_lines, tensorboard

EPOCHS = (
    Epoch(1, 0.5, 0.25, {"accuracy": 0.75}, 1.5),
    Epoch(2, np.array([0.5, np.nan]), np.array([0.25, np.inf]), {"accuracy": np.array([0.75, 0.5])}, 2.5),
    Epoch(3, 0.125, None, {}, 3.5),
)


def test_lines_of_json_are_json():
    file = io.StringIO()
    for epoch in EPOCHS:
        json_lines(file, network="GRU")(epoch)
    first, second, third = map(json.loads, file.getvalue().splitlines())
    assert first == {
        "network": "GRU",
        "epoch": 1,
        "loss": 0.5,
        "validation_loss": 0.25,
        "seconds": 1.5,
        "skipped": 0,
        "validation_accuracy": 0.75,
    }
    assert second["loss"] == [0.5, None] and second["validation_loss"] == [0.25, None]
    assert second["validation_accuracy"] == [0.75, 0.5]
    assert third["validation_loss"] is None and "validation_accuracy" not in third


def curves(file):
    """(name, value, step) of all numbers in a file of TensorBoard, as far as it is written."""
    event_of = importlib.import_module("tensorboardX.proto.event_pb2").Event.FromString
    data, found = file.read_bytes(), []
    while len(data) >= 16:  # length (8), its checksum (4), an event, its checksum (4)
        length = int.from_bytes(data[:8], "little")
        if len(data) < length + 16:
            break
        event = event_of(data[12 : 12 + length])
        found += [(value.tag, value.simple_value, event.step) for value in event.summary.value]
        data = data[16 + length :]
    return found


def test_tensorboard_finds_every_curve(tmp_path):
    report = tensorboard(tmp_path)
    for epoch in EPOCHS:
        report(epoch)
    (file,) = tmp_path.iterdir()
    deadline = time.monotonic() + 30  # a thread writes it
    while not any(step == 3 for *_, step in curves(file)) and time.monotonic() < deadline:
        time.sleep(0.05)
    found = curves(file)
    assert {
        ("loss", 0.5, 1),
        ("validation_accuracy", 0.75, 1),
        ("validation_accuracy/1", 0.5, 2),
        ("loss", 0.125, 3),
    } <= (set(found))
    assert not [tag for tag, *_ in found if tag in ("epoch", "seconds")]
