"""Configurations: YAML in and out, and every mistake is named."""

import dataclasses
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.forecasting.config import ForecastingConfig, Networks
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig, Network, Sweep
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.shared import configuration as config
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.supervised.config import Data, Inputs, Members, SupervisedConfig, Training
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.network import Model
from liquidjax.sequences.times import Unit
from untyped import untyped


@dataclass(frozen=True)
class Kinds:
    whole: int = 1
    real: float = 1.0
    flag: bool = False
    text: str = ""
    maybe: int | None = 3
    choice: Literal["a", "b"] | None = None
    texts: tuple[str, ...] = ()
    reals: tuple[float, ...] = ()


def read(tmp_path, text, kind: Any = SupervisedConfig):
    (tmp_path / "some.yaml").write_text(text)
    return config.read(tmp_path / "some.yaml", kind)


def test_what_is_written_is_read_back(tmp_path):
    settings = SupervisedConfig(
        Data("walks.csv", time="t", target=("x", "y"), classes=False, time_unit="h", missing=("NA", "-"), split_seed=3),
        Inputs(step=0.1),
        Model("CfC(units=20)", compare=("LSTM", "GRU(units=3)")),
        Learning("regression", at="mean"),
        Training(learning_rate=1e-5, compare_learning_rates=(0.1, 2e-9), clip=None, epochs=7, members=Members((3, 1))),
    )
    assert read(tmp_path, config.to_yaml(settings)) == settings


# What a version of YAML takes for something else than text, and what PyYAML writes so that it reads something else.
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    "0123456789eE.+-_: \n\t\r#'\"{}[]&*!|>%@`~nulres\x85"
)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_any_text_is_read_back(tmp_path_factory, one, other):
    settings = Data(source=one, series=other, missing=(one, other))
    assert config.from_bytes(config.to_yaml(settings).encode(), Data) == settings
    line = f"source: {config.one_line(one)}  # a comment\nmissing: {config.one_line((one, other))}\n"
    assert config.from_bytes(line.encode(), Data) == Data(source=one, missing=(one, other))


@settings(deadline=None)
@given(st.floats(1.2e-38, 3.4e38), st.integers(0, 2**32 - 1))
def test_any_number_is_read_back(rate, seed):
    settings = Training(learning_rate=rate, seed=seed)
    assert config.from_bytes(config.to_yaml(settings).encode(), Training) == settings


def test_what_is_left_out_keeps_its_default(tmp_path):
    assert read(tmp_path, "") == SupervisedConfig()
    half = read(tmp_path, "model:\n  readout: false\n  compare: GRU(units=2)\n")
    assert half == replace(SupervisedConfig(), model=Model(readout=False, compare=("GRU(units=2)",)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("maybe: 4", Kinds(maybe=4)),
        ("maybe: null", Kinds(maybe=None)),
        ("maybe: ~", Kinds(maybe=None)),
        ("maybe:", Kinds(maybe=None)),
        ("choice: b", Kinds(choice="b")),
        ("choice: null", Kinds(choice=None)),
        ("texts: [a, 'b c']", Kinds(texts=("a", "b c"))),
        ("texts: a", Kinds(texts=("a",))),
        ("texts: 'a, b'", Kinds(texts=("a, b",))),
        ("texts: ''", Kinds(texts=("",))),
        ("texts: no", Kinds(texts=("no",))),
        ("texts: []", Kinds(texts=())),
        ("texts:\n- a\n- '1'", Kinds(texts=("a", "1"))),
        ("reals: [1, 0.5, 1e-3]", Kinds(reals=(1.0, 0.5, 0.001))),
    ],
)
def test_nothing_and_lists(text, value, tmp_path):
    got = read(tmp_path, text, Kinds)
    assert got == value and all(type(real) is float for real in got.reals)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maybe: 0.5", "`maybe` must be int, got float 0.5"),
        ("maybe: none", "`maybe` must be int, a decimal number such as 10, got str 'none'"),
        ("maybe: [1]", "`maybe` must be int, got list"),
        ("choice: c", "`choice` must be one of a, b, got 'c'"),
        ("choice: [a]", "`choice` must be one of a, b, got"),
        ("texts: 1", "`texts` must be a list such as .a, b., got 1"),
        ("texts: null", "`texts` must be a list such as .a, b., got None"),
        ("texts: true", "`texts` must be a list"),
        ("texts: {a: b}", "`texts` must be a list"),
        ("texts: [a, 1]", "`texts.1` must be str, got int 1"),
        ("texts: [a, [b]]", "`texts.1` must be str, got list"),
        ("texts: [a, null]", "`texts.1` must be str, got NoneType None"),
        ("reals: 0.5", "`reals` must be a list such as .a, b., got 0.5"),
        ("reals: a", "`reals` must be a list such as .a, b., got 'a'"),
        ("reals: [1, a]", "`reals.1` must be float, a decimal number such as 0.5, got str 'a'"),
        ("reals: [.nan]", "`reals.0` must be float, .* got str '.nan'"),
    ],
)
def test_mistakes_in_lists_and_where_nothing_may_stand_are_named(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text, Kinds)


def test_an_objective_by_itself_is_one_of_the_users(tmp_path):
    found = read(tmp_path, "objective: my_losses:squares")
    assert found.objective == Learning(function="my_losses:squares")
    assert read(tmp_path, config.to_yaml(found)) == found


@pytest.mark.parametrize("text, value", [("1e-3", 0.001), ("2", 2.0), ("0.5", 0.5), ("1.0e-3", 0.001)])
def test_numbers(text, value, tmp_path):
    got = read(tmp_path, f"real: {text}", Kinds).real
    assert got == value and type(got) is float


@pytest.mark.parametrize(
    "text, message",
    [
        ("model:\n  cel: GRU", r"some\.yaml: unknown key `model\.cel`; did you mean `cell`\?"),
        ("data: {targt: y}", r"unknown key `data\.targt`; did you mean `target`\?"),
        ("epochs: 8", r"unknown key `epochs`; did you mean `training\.epochs`\?"),
        ("epoch: 8", r"unknown key `epoch`; did you mean `training\.epochs`\?"),
        ("model: {learning_rate: 8}", r"unknown key `model\.learning_rate`; did you mean `training\.learning_rate`\?"),
        ("xyz: 8", r"unknown key `xyz`; did you mean `\w+`\?"),
        ("1: 8", "unknown key `1`"),
        ("training: {epoch: 8}", r"unknown key `training\.epoch`; did you mean `epochs`\?"),
        ("training: {epochs: 8.5}", "`training.epochs` must be int, got float 8.5"),
        ("training: {epochs: true}", "`training.epochs` must be int, got bool True"),
        ("training: {epochs: '8'}", "`training.epochs` must be int, a decimal number such as 10, got str '8'"),
        ("training: {epochs: }", "`training.epochs` must be int, got NoneType None"),
        ("training: {clip: [1]}", r"`training.clip` must be float, got list \[1\]"),
        ("training: {clip: wide}", "`training.clip` must be float, a decimal number such as 0.5, got str 'wide'"),
        ("training: {optimizer: Adam}", "`training.optimizer` must be one of adam, adamw, .*, got 'Adam'"),
        ("training: {optimizer: [adam]}", "`training.optimizer` must be one of adam, adamw"),
        ("model: 3", "`model` must be a mapping"),
        ("- 1\n- 2", "the file must be a mapping"),
        ("training: {members: 3}", "`training.members` must be a mapping"),
        ("training: {members: {seeds: [0, 1]}}", "unknown key `training.members.seeds`; did you mean `seed`"),
        ("training: {members: {seed: 3}}", r"`training.members.seed` must be a list such as \[a, b\], got 3"),
        ("training: {members: {seed: [0.5, 1]}}", "`training.members.seed.0` must be int, got float 0.5"),
        ("training: {members: {seed: [0, -1]}}", "training.members: seed must be an integer from 0 to 4294967295"),
        ("training: {members: {seed: [0]}}", "training.members: members must have as many .*, at least 2, got .*: 1"),
        (
            "training: {members: {seed: [0, 1], clip: [1, 2, 3]}}",
            "members must have as many values for each setting, at least 2, got {'seed': 2, 'clip': 3}",
        ),
        ("training: {members: {learning_rate: [0.1, 0]}}", "learning_rate must be above 0 and finite, got 0"),
        ("training: {members: {clip: [0.1, -1]}}", "clip must be above 0 and finite, got -1"),
        (
            "training: {members: {weight_decay: [0.1, 0]}}",
            "training: members.weight_decay must be left out with adam, adamw and lion have one",
        ),
        (
            "model: {compare: [GRU]}\ntraining: {compare_learning_rates: [1], members: {learning_rate: [1, 2]}}",
            "training.compare_learning_rates must be left out with training.members.learning_rate",
        ),
        ("objective: 3", "`objective` must be a mapping"),
        (
            "objective: classification",
            r"objective: function must be named as package.module:objective, got 'classification'; a kind of ours is "
            r"written objective: \{kind: classification\}",
        ),
        ("objective: {function: 'my losses:squares'}", "objective: function must be named as package.module:objective"),
        ("objective: {function: 'a:b', at: mean}", "kind, at, smoothing and balanced must be left out with function"),
        ("objective: {outputs: 3}", "objective: outputs must be left out without function"),
        ("objective: {function: 'a:b', outputs: 0}", "objective: outputs must be an integer of at least 1, got 0"),
        ("model: 'a:b'", "`model` must be a mapping"),
        ("model: {cell: ltc}", "model: cell: expected a call such as LTC.*, got 'ltc'"),
        ("model: {cell: GRU(unit=3)}", "model: cell: unknown field 'unit' of GRU; did you mean units"),
        ("model: {cell: GRU(units=3}", r"model: cell: expected a call such as .*, got 'GRU\(units=3'"),
        ("training: {learning_rate: .nan}", "`training.learning_rate` must be float, a decimal .*, got str '.nan'"),
        ("training: {learning_rate: 1e400}", "training: learning_rate must be above 0 and finite, got inf"),
        ("training: {epochs: 0}", "training: epochs must be an integer of at least 1, got 0"),
        ("model:\n  cell: LTC(wiring=AutoNCP(2, 1))", "model: cell: .*units must be at least 4"),
        ("inputz: 8", r"unknown key `inputz`; did you mean `inputs`\?"),
        ("objective:\n  at: first", "`objective.at` must be one of auto, last, mean, step, got 'first'"),
        ("training: {compare_learning_rates: [0.1]}", "compare_learning_rates must be one for each of 0 cells, got 1"),
        ("model: {cell: GRU(units=3)}\nmodel: {}", "the key `model` comes twice"),
        ("training: {epochs: 8, epochs: 9}", "the key `epochs` comes twice"),
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
        config.read(tmp_path / "none.yaml", SupervisedConfig)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flag: !!bool maybe", "must not hold the tag tag:yaml.org,2002:bool; leave it out"),
        ("text: !!timestamp foo", "must not hold the tag"),
        ("whole: !!int abc", "must not hold the tag"),
        ("whole: ! 3", "must not hold the tag"),
        ("whole: 2020-13-45", "`whole` must be int, a decimal number such as 10, got str '2020-13-45'"),
        ("whole: 2020-12-24", "`whole` must be int, .* got str '2020-12-24'"),
        ("whole: 010", "`whole` must be int, .* got str '010'"),
        ("whole: 0o10", "got str '0o10'"),
        ("whole: 0x10", "got str '0x10'"),
        ("whole: 0b1", "got str '0b1'"),
        ("whole: 1_000", "got str '1_000'"),
        ("whole: 12:30:45", "got str '12:30:45'"),
        ("whole: ٣", "got str '٣'"),
        ("real: 010", "`real` must be float, a decimal number such as 0.5, got str '010'"),
        ("real: 190:20:30.15", "got str '190:20:30.15'"),
        ("real: .nan", "got str '.nan'"),
        ("real: -.inf", "got str '-.inf'"),
        ("real: nan", "got str 'nan'"),
        ("real: '1e-3'", "got str '1e-3'"),
        ("real: 1_0.5", "got str '1_0.5'"),
        ("flag: yes", "`flag` must be bool, true or false, got str 'yes'"),
        ("flag: Off", "`flag` must be bool, true or false, got str 'Off'"),
        ("flag: 1", "`flag` must be bool, got int 1"),
        (LAUGHS, r"must not hold the alias \*a; write out what it stands for"),
        ("whole: &x 3\n<<: *x", "must not hold the alias"),
        ("a: &a [*a]", "must not hold the alias"),
        ("<<: {whole: 3}", "unknown key `<<`"),
        ("x: " + "{x: " * 3000 + "}" * 3000, "must not hold more than 20 levels of maps and lists"),
        ("x: " + "[" * 3000, "must not hold more than 20 levels"),
        ("? {a: 1}\n: 2", "must not hold a key that is a map or a list"),
        ("? [a]\n: 2\n? [a]\n: 3", "must not hold a key that is a map or a list"),
        ("whole: " + "9" * 200, "`whole` must be int, .* got str '9999"),
        ("whole: " + "9" * 99, "whole must be at most"),
        ("text: [" + "x, " * 9000 + "]", "`text` must be str, got list"),
        ("k" * 900 + ": 1", "unknown key `kkk"),
        ("whole: 1\n---\nwhole: 2", "not YAML"),
        ("whole: 1\0", "not YAML"),
        ("whole: '" + "x" * 200_000, "must be a YAML file of at most 100,000 bytes"),
        (b"text: gr\xf6\xdfe", "not YAML: .*utf-8"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_only_what_every_version_of_yaml_reads_alike_is_read(text, message, tmp_path):
    @dataclass(frozen=True)
    class Bounded(Kinds):
        def __post_init__(self):
            if self.whole > 10**9:
                raise ValueError("whole must be at most 10^9")

    (tmp_path / "some.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message) as caught:
        config.read(tmp_path / "some.yaml", Bounded)
    said = str(caught.value).removeprefix(str(tmp_path))
    assert said.startswith("/some.yaml") and "\n" not in said and len(said) < 400


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-7", -7), ("+7", 7), ("10", 10), ("1234567890123", 1234567890123)],
)
def test_whole_numbers(text, value, tmp_path):
    assert read(tmp_path, f"whole: {text}", Kinds).whole == value


@pytest.mark.parametrize("text", ["1E-3", "+.001", "1.e-3", "0.001", "00.001e0", "-.1e-2"])
def test_more_numbers(text, tmp_path):
    assert abs(read(tmp_path, f"real: {text}", Kinds).real) == 0.001


def test_truth_and_text(tmp_path):
    got = read(tmp_path, "flag: true\ntext: 'yes'", Kinds)
    assert got.flag is True and got.text == "yes" and read(tmp_path, "text: no", Kinds).text == "no"


def test_what_is_left_out_of_a_part_keeps_the_default_of_that_part(tmp_path):
    """And not that of its class, which is another one for `sparse`."""
    got = read(tmp_path, "sparse: {timed_up_to: 512}", GradientMemoryConfig).sparse
    assert got == replace(GradientMemoryConfig().sparse, timed_up_to=512) != Sweep(timed_up_to=512)
    assert (
        read(tmp_path, "sparse: {network: {units: 40}}", GradientMemoryConfig).sparse.network.neurons == "AutoNCP LTC"
    )
    assert read(tmp_path, "lorenz: {noise: 0.1}", ForecastingConfig).lorenz == replace(
        ForecastingConfig().lorenz, noise=0.1
    )


KINDS = (SupervisedConfig, ForecastingConfig, GradientMemoryConfig, NetworkSizesConfig, ShiftConfig, ControlConfig)


def fields(kind, place=""):
    """(place, type, default) of every setting, those of parts too."""
    for field in dataclasses.fields(kind):
        value, below = field.default, f"{place}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from ((f"{below}.{name}", *rest) for name, *rest in fields(type(value)))
        else:
            yield below, field.type, value


def set_in(kind, place, value):
    """The YAML of the defaults with another value in one place."""
    nested: Any = value
    for name in reversed(place.split(".")):
        nested = {name: nested}
    return config.build(kind, nested)


SETTINGS = [(kind, place, hint) for kind in KINDS for place, hint, _ in fields(kind)]
FINE = {
    str: ["1"],
    str | None: ["1", None],
    tuple[str, ...]: ["1"],
    tuple[float, ...]: [],
    bool: [True],
    bool | None: [True, None],
    float | None: [None],
    int | None: [None],
    Unit | None: [None],
}
"""What of `bad` below is right for a setting of a kind."""
LOOKED_AT = {"model.cell": [], "model.compare": [], "objective.function": [None], "training.precision": []}
"""Texts that are not any text."""
OF_SHIFT = {"tasks": [], "designs": [], "grid.jitter": [[1]], "grid.noise": [[1]]}
OF_SHIFT |= {"budget.learning_rates": [], "budget.filters": []}  # as many of the one as of the other
OF_CONTROL = {"tasks": [], "designs": [], "filtered": []}
OF_CONTROL |= {f"budget.{name}": [[1]] for name in ("learning_rates", "low_pass", "kalman")}
OF_CONTROL |= {f"{grid}.{name}": [[1]] for grid in ("grid", "mujoco_grid") for name in ("delay", "jitter", "noise")}
"""Names that are not any name, and lists of numbers above 0."""


@pytest.mark.parametrize(("kind", "place", "hint"), SETTINGS, ids=[f"{k.__name__}.{p}" for k, p, _ in SETTINGS])
def test_no_setting_takes_what_no_run_could_use(kind, place, hint):
    """The dataclass refuses it, in Python as from a file: before a folder is made."""
    bad = [-1, 10**99, True, None, "1", [1], {}, float("nan"), float("inf"), 1e39, -0.5]
    bad += [2**64, 1.0] if hint is int else []
    fine: Any = FINE.get(hint, [])
    if kind is SupervisedConfig:
        fine = LOOKED_AT.get(place, fine)
    if kind is ShiftConfig:
        fine = OF_SHIFT.get(place, fine)
    if kind is ControlConfig:
        fine = OF_CONTROL.get(place, fine)
    for value in bad:
        if any(value is each or (isinstance(value, str | list) and value == each) for each in fine):
            set_in(kind, place, value)
            continue
        with pytest.raises(ValueError, match=re.escape(place.rsplit(".", 1)[-1])) as caught:
            set_in(kind, place, value)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "make",
    [
        lambda: Network(neurons=untyped("LTC")),
        lambda: Networks(units=untyped("8")),
        lambda: Training(optimizer=untyped("Adam")),
        lambda: Training(epochs=True),
        lambda: Training(epochs=untyped("8")),
        lambda: Training(epochs=100_000_000),
        lambda: Training(compare_learning_rates=untyped((0.1, "0.2"))),
        lambda: Training(optimizer="sgd", weight_decay=0.1),
        lambda: Data(split=untyped("steps")),
        lambda: Data(target=untyped("y")),
        lambda: Data(features=untyped(["x"])),
        lambda: Data(time_unit=untyped("hours")),
        lambda: Data(validation_share=0.5, test_share=0.5),
        lambda: Model(cell=untyped(3)),
        lambda: Model(cell="GRU(units=0)"),
        lambda: Learning(smoothing=1.0),
        lambda: Inputs(step=1e-300),
        lambda: Inputs(scale=untyped(1)),
        lambda: SupervisedConfig(training=Training(compare_learning_rates=(0.1,))),
    ],
)
def test_python_is_refused_what_a_file_is(make):
    with pytest.raises(ValueError, match="must"):
        make()


NASTY = [
    "",
    "~",
    "null",
    "true",
    "yes",
    "-1",
    "0",
    "1",
    "1e3",
    "1e400",
    "nan",
    ".nan",
    ".inf",
    "010",
    "0x1F",
    "1_0",
    "12:30:45",
    "2020-13-45",
    "2001-12-14t21:59:43.10-05:00",
    "4294967296",
    "100000000",
    "9" * 400,
    "'8'",
    '"x',
    "[1, 2]",
    "[",
    "{a: 1}",
    "}",
    "!!int 3",
    "!!python/name:os.system",
    "&a 1",
    "*a",
    "<<",
    "?",
    "- 1",
    "|",
    ">",
    "@",
    "`",
    "%TAG",
    "\t",
    "\x00",
    "\x85",
    "\ufeff",
    "\U0001f600",
    "'",
    "#",
    ": :",
    "---",
    "...",
    "=",
    "!",
    "!<x>",
    "0.1.2",
    "+",
    "-",
    ".",
    "e",
    "0e0",
    "-0.0",
    "1" * 101 + ".5",
    *["2", "5", "0.5", "16", "# a word"] * 5,
]


def test_whatever_is_in_the_file_ends_in_a_configuration_or_in_a_value_error(tmp_path):
    """A few hundred damaged files, always the same ones."""
    rng, outcomes = np.random.default_rng(0), []
    for kind in KINDS:
        text = config.to_yaml(kind())
        for _ in range(120):
            damaged = text
            for _ in range(rng.integers(1, 3)):
                where = int(rng.integers(len(damaged) + 1))
                nasty = NASTY[rng.integers(len(NASTY))]
                lines = damaged.splitlines(keepends=True)
                line = int(rng.integers(max(1, len(lines))))
                match rng.integers(5):
                    case 0:  # another value
                        lines[line : line + 1] = [
                            each.split(":")[0] + f": {nasty}\n" for each in lines[line : line + 1]
                        ]
                        damaged = "".join(lines)
                    case 1:
                        damaged = damaged[:where] + nasty + damaged[where:]
                    case 2:
                        damaged = damaged[:where] + damaged[where + int(rng.integers(1, 20)) :]
                    case 3:
                        damaged = "".join(lines[:line] + lines[line : line + 1] * 2 + lines[line + 1 :])
                    case 4:
                        damaged = "".join("  " * (number == line) + each for number, each in enumerate(lines))
            file = Path(tmp_path / "damaged.yaml")
            file.write_bytes(damaged.encode("utf-8", "surrogatepass"))
            try:
                made = config.read(file, kind)
                assert read(tmp_path, config.to_yaml(made), kind) == made
                outcomes.append("made")
            except ValueError as error:
                said = str(error)
                assert said.startswith(str(file)) and "\n" not in said and len(said) < len(str(file)) + 400, damaged
                outcomes.append("refused")
    assert outcomes.count("made") > 10 and outcomes.count("refused") > 200
