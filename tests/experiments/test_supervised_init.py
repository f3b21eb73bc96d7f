"""A first configuration for somebody's data: it says what they hold, and is trained on as it is."""

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax import __main__ as cli
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised import init
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import Data, Members, SupervisedConfig
from liquidjax.experiments.supervised.guess import Guess, is_table
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.summary import class_counts
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import write_npz
from liquidjax.tasks.splits import Parts
from tiny_series import as_csv, rows

SMALL = ["--model.cell", "GRU(units=3)", "--model.compare", "--training.epochs", "1", "--training.batch-size", "64"]
SMALL += ["--training.no-tune-cpu"]


def written(source, place):
    """The text of the configuration for a source, and what it says; it can be read, and its data and cells made."""
    init.write(source, place / "out.yaml")
    config = configuration.read(place / "out.yaml", SupervisedConfig)
    planned = supervised_run.plan(config)
    assert list(planned.networks) == ["LTC", "GRU"]
    return (place / "out.yaml").read_text(), config


def test_init_train_and_predict_follow_on_each_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my walks.csv").write_text(as_csv(rows()))
    cli.main(["init", "my walks.csv"])
    out = capsys.readouterr().out
    assert "20 series of 3 to 6 steps, the median 4.5" in out and "a class for each series: fast (10), slow (10)" in out
    assert out.endswith(
        "The configuration is in 'my walks.yaml'; please read it\nNext: liquidjax train 'my walks.yaml'\n"
    )
    cli.main(["train", "my walks.yaml", *SMALL, "--folder", "run"])
    cli.main(["predict", "run", "my walks.csv"])
    assert len(capsys.readouterr().out.splitlines()[-20:]) == 20
    text = (tmp_path / "my walks.yaml").read_text()
    for said in (
        "#   20 series of 3 to 6 steps, the median 4.5\n",
        "#   2 features: x, 'y, left'\n",
        "#   a class for each series: fast (10), slow (10)\n",
        "#   who: series\n",
        "  series: who  # the column that says whose a row is; null for one series\n",
        "  group: person  # ",
    ):
        assert said in text
    share = np.mean([row["x"] == "" for row in rows()]) / 2
    assert f"#   missing values: {100 * share:.2g} % of all\n" in text


def test_what_stands_in_comments_can_be_taken_out_of_them(tmp_path):
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    text, config = written(str(tmp_path / "walks.csv"), tmp_path)
    assert "  stratified: true  # each part has the same mix of classes\n" in text
    found = configuration.from_bytes(text.replace("  # members:", "  members:").encode(), SupervisedConfig)
    assert found.training.members == Members(seed=(0, 1, 2)) and found.data == config.data
    (named,) = re.findall("or one of yours in the place of the section, (objective: .*)", text)
    found = configuration.from_bytes(named.encode(), SupervisedConfig)
    assert found.objective == Learning(function="my_module:my_loss")


def test_the_steps_that_are_told_are_those_of_the_times(tmp_path):
    (tmp_path / "x.csv").write_text("t,x\n" + "".join(f"{t},1\n" for t in (0, 1, 3, 3.5, *range(4, 40))))
    text, config = written(str(tmp_path / "x.csv"), tmp_path)
    assert "#   steps of 0.5 to 2 from one time to the next, the median 1\n" in text
    assert "#   nothing to learn but the next step\n" in text and "#   missing values: none\n" in text
    assert config.data.split == "time" and "1, 1, 1 series to train on" in text


def test_dates_are_counted_in_a_unit_of_theirs(tmp_path):
    (tmp_path / "x.csv").write_text("day,x\n" + "".join(f"2026-03-{day:02d},{day}\n" for day in range(1, 31)))
    text, config = written(str(tmp_path / "x.csv"), tmp_path)
    assert config.data.time_unit == "D" and "#   steps of 1 D from one time to the next\n" in text


def test_rows_out_of_order_and_at_one_time_are_seen_to(tmp_path):
    lines = [f"{who},{t},{t}" for who in range(9) for t in (0, 2, 1, 3)]
    for more, unsorted, duplicates in (([], "sort", "error"), (["0,3,7"], "sort", "mean")):
        (tmp_path / "x.csv").write_text("\n".join(["who,t,x", *lines, *more]) + "\n")
        text, config = written(str(tmp_path / "x.csv"), tmp_path)
        assert (config.data.unsorted, config.data.duplicates) == (unsorted, duplicates)
        assert "  unsorted: sort  # there are series whose times go back\n" in text
        (tmp_path / "out.yaml").unlink()
    lines = [f"{who},{t},{t}" for who in range(9) for t in (0, 1, 1, 3)]
    (tmp_path / "x.csv").write_text("\n".join(["who,t,x", *lines]) + "\n")
    text, config = written(str(tmp_path / "x.csv"), tmp_path)
    assert (config.data.unsorted, config.data.duplicates) == ("error", "mean")
    assert "  duplicates: mean  # there are rows of a series at the same time; or last\n" in text


def test_rare_classes_count_and_may_be_too_few_to_be_everywhere(tmp_path):
    """Of 22 series 16 are a, 4 are b, 2 are c."""
    labels = "a" * 16 + "b" * 4 + "c" * 2
    lines = [f"{who},{t},{label}" for who, label in enumerate(labels) for t in range(2)]
    (tmp_path / "x.csv").write_text("\n".join(["who,x,gait", *lines]) + "\n")
    text, config = written(str(tmp_path / "x.csv"), tmp_path)
    assert "#   a class for each series: a (16), b (4), c (2)\n" in text
    assert not config.data.stratified and "  stratified: false  # " in text
    counts = class_counts(supervised_run.plan(config).parts.training)
    assert config.objective.balanced == (min(counts.values()) > 0)


@pytest.mark.parametrize("classes", [("rest", "fall"), None])
def test_what_is_not_a_table_is_told_by_what_it_holds(classes, tmp_path):
    series, targets = [np.ones((4, 2))] * 30, [0, 1, 1] * 10
    targets = targets if classes else [[0.5 * i, np.nan] for i in range(30)]
    data = SequenceDataset.of(series, targets=targets, classes=classes, times=[[0, 5, 10, 15]] * 30)
    write_npz(tmp_path / "x.npz", data)
    text, config = written(str(tmp_path / "x.npz"), tmp_path)
    assert config.data == Data(str(tmp_path / "x.npz"))
    assert "#   30 series of 4 steps\n" in text and "#   steps of 5 from one time to the next\n" in text
    if classes:
        assert "a class for each series: rest (10), fall (20)\n" in text
        assert "# here classification; event gives the probability of the second class" in text
    else:
        assert "#   values for each series: y1, y2; 30 not known\n" in text and "balanced" not in text
        assert "# here regression; forecast learns the next step\n" in text
    assert "  series:" not in text and "  target:" not in text


def test_a_ts_file_a_folder_and_a_function(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"1,{i}:{('Slow', 'Fast')[i % 2]}" for i in range(20)]
    (tmp_path / "x.ts").write_text("@classLabel true Slow Fast\n@data\n" + "\n".join(lines) + "\n")
    assert written("x.ts", tmp_path)[1].data == Data("x.ts")
    (tmp_path / "out.yaml").unlink()
    (tmp_path / "files").mkdir()
    for i in range(20):
        (tmp_path / "files" / f"{i}.csv").write_text("t,x\n0,1\n1,2\n")
    labels = "".join(f"{i},{('slow', 'fast')[i % 2]}\n" for i in range(20))
    (tmp_path / "files" / "labels.csv").write_text(f"series,target\n{labels}")
    text, config = written("files", tmp_path)
    assert config.data == Data("files", time="t", labels="labels.csv") and "  series:" not in text
    (tmp_path / "out.yaml").unlink()
    text, config = written("liquidjax.tasks.co2:years", tmp_path)
    assert config.data == Data("liquidjax.tasks.co2:years") and "#   43 series of " in text
    assert "# here forecast, the next step of all features; what else there is needs a target\n" in text


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("x.csv", "x.yaml"),
        ("files", "files.yaml"),
        (".", "here.yaml"),
        ("files/../x.v2.csv", "x.v2.yaml"),
        ("liquidjax.tasks.co2:years", "years.yaml"),
    ],
)
def test_the_file_is_called_after_the_data(source, name, tmp_path, monkeypatch, capsys):
    (tmp_path / "here" / "files").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    for file in ("x.csv", "x.v2.csv", *(f"files/{i}.csv" for i in range(9))):
        (tmp_path / "here" / file).write_text("x\n" + "1\n2\n" * 20)
    cli.main(["init", source])
    assert configuration.read(name, SupervisedConfig).data.source == source
    assert f"Next: liquidjax train {name}\n" in capsys.readouterr().out


def test_nothing_is_written_over_and_nothing_is_left_where_it_fails(tmp_path, monkeypatch):
    (tmp_path / "x.csv").write_text("x\n" + "1\n2\n" * 20)
    (tmp_path / "out.yaml").write_text("mine")
    with pytest.raises(FileExistsError, match=r"out\.yaml is there already, and is not written over; name another"):
        init.write(str(tmp_path / "x.csv"), tmp_path / "out.yaml")
    # also where it comes while the data are looked at
    look = init.look

    def slow(source):
        (tmp_path / "late.yaml").write_text("theirs")
        return look(source)

    monkeypatch.setattr(init, "look", slow)
    with pytest.raises(FileExistsError, match=r"late\.yaml is there already"):
        init.write(str(tmp_path / "x.csv"), tmp_path / "late.yaml")
    assert (tmp_path / "out.yaml").read_text() == "mine" and (tmp_path / "late.yaml").read_text() == "theirs"
    with pytest.raises(ValueError, match=r"must be a \.yaml file"):
        init.write(str(tmp_path / "x.csv"), tmp_path / "out.txt")
    (tmp_path / "few.csv").write_text("who,x,label\n" + "".join(f"{i},1,{i % 2}\n{i},2,{i % 2}\n" for i in range(3)))
    with pytest.raises(ValueError, match=r"each part must have at least one series|each class must have at least 3"):
        init.write(str(tmp_path / "few.csv"), tmp_path / "few.yaml")
    for missing in ("nowhere.csv", "nowhere.npz", "nowhere"):
        with pytest.raises(FileNotFoundError):
            init.write(str(tmp_path / missing), tmp_path / "few.yaml")
    assert not (tmp_path / "few.yaml").exists()


NAMES = st.text(min_size=1).filter(lambda name: name.isprintable() or "\ud800" > name > "\x7f") | st.sampled_from(
    [
        "a: b",
        "# no",
        "'",
        '"',
        "[",
        "1e3",
        "null",
        "x\n- y",
        "\x85",
        "\u2028z",
        "{a}",
        "&a",
        "*a",
        "x" * 200,
        "a, b",
        "\\",
        "%",
    ]
)


def test_a_name_that_no_file_can_have_is_no_table():
    assert not is_table("x" * 5000) and is_table("x" * 5000 + ".csv")


@settings(deadline=None)
@given(st.lists(NAMES, min_size=9, max_size=9, unique=True), st.booleans(), st.booleans())
def test_whatever_things_are_called_the_file_says_what_was_meant(names, table, of_steps):
    """Names of files, columns, classes and groups with whatever YAML takes for something else, and line ends."""
    source, series, time, target, feature, group, *classes = names
    data = Data(
        source=f"{source}x.csv" if table else source.replace(".", "_"),
        series=series,
        time=time,
        target=(target,),
        features=(feature,),
        group=group,
        target_at="step" if of_steps else "series",
        missing=tuple(classes),
    )
    data = data if table else Data(source=data.source)
    whole = SequenceDataset.of(
        [np.ones((2, 1))] * 3,
        targets=[np.array([0, 1])] * 3 if of_steps else [0, 1, 2],
        classes=classes,
        features=(feature,),
    )
    found = init.Found(Guess(data, {name: "feature" for name in names}), whole, Parts(whole, whole, whole))
    text = init.commented(found)
    assert configuration.from_bytes(text.encode(), SupervisedConfig) == init.settings(found)
    assert len(text.splitlines()) == text.count("\n")  # there are no other line ends


def test_every_setting_that_is_written_is_one_and_every_choice_that_is_named_is_one(tmp_path):
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    text, config = written(str(tmp_path / "walks.csv"), tmp_path)
    defaults = dataclasses.asdict(SupervisedConfig())
    section = ""
    for line in text.splitlines():
        if found := re.match(r"(  )?(\w+):", line):
            section = section if found[1] else found[2]
            assert found[2] in (defaults[section] if found[1] else defaults)
    (choices,) = re.findall(r"optimizer: adam  # or (.*)", text)
    for name in choices.split(", "):
        assert dataclasses.replace(config.training, optimizer=name).optimizer == name
    (choices,) = re.findall(r"schedule: constant  # or (.*)", text)
    for name in choices.split(", "):
        assert dataclasses.replace(config.training, schedule=name).schedule == name
    (choices,) = re.findall(r"cell: .*  # or (.*), \.\.\.", text)
    for call in choices.split(", "):
        assert dataclasses.replace(config.model, cell=call).networks(2, 2)
    assert json.dumps(dataclasses.asdict(config))
