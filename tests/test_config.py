"""Configurations: YAML in and out, and every mistake is named."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from liquidjax.experiments import config
from liquidjax.experiments.train import LearningRates, Model, TrainConfig
from liquidjax.tasks.digits import Digits


@dataclass(frozen=True)
class Kinds:
    whole: int = 1
    real: float = 1.0
    flag: bool = False
    text: str = ""


def read(tmp_path, text, kind: Any = TrainConfig):
    (tmp_path / "some.yaml").write_text(text)
    return config.read(tmp_path / "some.yaml", kind)


def test_what_is_written_is_read_back(tmp_path):
    settings = TrainConfig(
        Digits(steps=16, split_seed=3), Model("CfC", units=20, outputs=4, dt=0.1), LearningRates(1e-5), epochs=7, seed=2
    )
    assert read(tmp_path, config.to_yaml(settings)) == settings


def test_what_is_left_out_keeps_its_default(tmp_path):
    assert read(tmp_path, "") == TrainConfig()
    assert read(tmp_path, "model:\n  units: 60\n") == replace(TrainConfig(), model=Model(units=60))


@pytest.mark.parametrize("text, value", [("1e-3", 0.001), ("2", 2.0), ("0.5", 0.5), ("1.0e-3", 0.001)])
def test_numbers(text, value, tmp_path):
    got = read(tmp_path, f"real: {text}", Kinds).real
    assert got == value and type(got) is float


@pytest.mark.parametrize(
    "text, message",
    [
        ("model:\n  unts: 8", r"some\.yaml: unknown key `model\.unts`; did you mean `units`\?"),
        ("epoch: 8", r"unknown key `epoch`; did you mean `epochs`\?"),
        ("xyz: 8", r"unknown key `xyz`; did you mean `\w+`\?"),
        ("1: 8", "unknown key `1`"),
        ("epochs: 8.5", "`epochs` must be int, got float 8.5"),
        ("epochs: true", "`epochs` must be int, got bool True"),
        ("epochs: '8'", "`epochs` must be int, a decimal number such as 10, got str '8'"),
        ("epochs:", "`epochs` must be int, got NoneType None"),
        ("clip: [1]", r"`clip` must be float, got list \[1\]"),
        ("clip: wide", "`clip` must be float, a decimal number such as 0.5, got str 'wide'"),
        ("model:\n  cell: ltc", "`model.cell` must be one of LTC, CfC, got 'ltc'"),
        ("model:\n  cell: [LTC]", "`model.cell` must be one of LTC, CfC"),
        ("model: 3", "`model` must be a mapping"),
        ("- 1\n- 2", "the file must be a mapping"),
        ("model:\n  units: 2", "model: units must be at least 4"),
        ("learning_rates:\n  gru: .nan", "`learning_rates.gru` must be float, a decimal number .*, got str '.nan'"),
        ("learning_rates:\n  gru: 1e400", "learning_rates: gru must be above 0 and finite, got inf"),
        ("epochs: 0", "epochs must be an integer of at least 1, got 0"),
        ("epochs: 1\nepochs: 2", "the key `epochs` comes twice"),
        ("model: {units: 8, units: 9}", "the key `units` comes twice"),
        ("model: [", r"some\.yaml: not YAML: .*line 1"),
        ("a: !!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_mistakes_are_named(text, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, text)
    assert "some.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_field_without_default_must_be_there(tmp_path):
    @dataclass(frozen=True)
    class Needy:
        must: int

    with pytest.raises(ValueError, match="must"):
        read(tmp_path, "", Needy)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        config.read(tmp_path / "none.yaml", TrainConfig)
