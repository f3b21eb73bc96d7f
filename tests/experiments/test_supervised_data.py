"""The data that a configuration names: parts, test series that are apart, and series without a target."""

import dataclasses

import numpy as np
import pytest

from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised.config import Data, Inputs
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import write_npz
from tiny_series import as_csv, rows

WALKS = Data(series="who", time="when", target=("gait",), features=("x", "y, left"), split_seed=1)


@pytest.fixture
def walks(tmp_path):
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    return dataclasses.replace(WALKS, source=str(tmp_path / "walks.csv"))


def names(part):
    return set(part.names)


def write(file, columns, table):
    """A table of some of the columns, in their order."""
    file.write_text(as_csv([{column: row[column] for column in columns} for row in table]))
    return str(file)


def test_every_series_is_in_one_part_and_the_seed_says_in_which(walks):
    parts, again = sources.load(walks), sources.load(walks)
    assert [len(part) for part in parts] == [13, 3, 4] and len(set.union(*map(names, parts))) == 20
    assert all(one.names == other.names for one, other in zip(parts, again, strict=True))
    other = sources.load(dataclasses.replace(walks, split_seed=0))
    assert names(other.test) != names(parts.test)


def test_series_may_be_cut_in_time(tmp_path):
    (tmp_path / "x.csv").write_text("x\n" + "".join(f"{i}\n" for i in range(100)))
    parts = sources.load(Data(str(tmp_path / "x.csv"), split="time"))
    assert [part.inputs[0, :, 0].tolist() for part in parts] == [
        list(range(65)),
        list(range(65, 80)),
        list(range(80, 100)),
    ]
    assert parts.test.times[0, 0] == 80


def test_a_mix_of_classes_that_cannot_be_had_may_be_left_out(tmp_path):
    table = rows(12)
    table = [row | {"gait": "jump"} if row["who"] == table[0]["who"] else row for row in table]
    rare = dataclasses.replace(WALKS, source=write(tmp_path / "x.csv", table[0], table))
    with pytest.raises(ValueError, match=r"^data: each class .* class 'jump' has 1; use stratified: false"):
        sources.load(rare)
    parts = sources.load(dataclasses.replace(rare, stratified=False))
    assert sum(map(len, parts)) == 12 and parts.test.classes == ("fast", "jump", "slow")


# a test set apart


def test_a_test_that_is_apart_leaves_all_others_to_train_and_to_choose_by(walks, tmp_path):
    """Also one of a single class, with its columns in another order."""
    table = [row for row in rows(seed=1) if row["gait"] == "slow"]
    file = write(tmp_path / "test.csv", ("gait", "y, left", "person", "when", "x", "who"), table)
    parts = sources.load(dataclasses.replace(walks, test=file))
    assert [len(part) for part in parts] == [17, 3, 10]
    assert names(parts.training).isdisjoint(names(parts.validation))
    assert parts.test.classes == parts.training.classes == ("fast", "slow") and set(parts.test.targets.tolist()) == {1}
    assert parts.test.features == ("x", "y, left")
    first = next(row for row in table if row["x"])
    assert float(first["x"]) in parts.test.inputs[0, :, 0]
    # those to choose by are the same as without
    assert names(parts.validation) == names(sources.load(walks).validation)


def test_a_test_that_is_apart_needs_few_series(tmp_path):
    """A tenth of 11 series is one; of what is held out for the test where there is none apart, nothing is lost."""
    source = write(tmp_path / "x.csv", ("who", "x"), rows(11))
    data = Data(source, series="who", validation_share=0.1, test_share=0.1, test=source)
    assert [len(part) for part in sources.load(data)] == [10, 1, 11]


def test_a_test_that_is_apart_leaves_the_end_of_each_series_to_choose_by(tmp_path):
    for name, start in (("x", 0), ("later", 100)):
        (tmp_path / f"{name}.csv").write_text("y,x\n" + "".join(f",{start + i}\n" for i in range(20)))
    data = Data(str(tmp_path / "x.csv"), test=str(tmp_path / "later.csv"), split="time", features=("x",))
    parts = sources.load(data)
    assert [part.inputs[0, :, 0].tolist() for part in parts] == [
        list(range(17)),
        [17, 18, 19],
        list(range(100, 120)),
    ]
    assert parts.validation.times[0].tolist() == [17, 18, 19]
    with pytest.raises(ValueError, match=r"^data: each section must have at least 2 steps, and the 20 of series 'x'"):
        sources.load(dataclasses.replace(data, validation_share=0.06))


def test_targets_of_steps_go_with_them_where_a_test_is_apart(tmp_path):
    """Series of different lengths."""
    lines = [f"{who},{t},{10 * who + t}" for who in (1, 2) for t in range(10 + 10 * (who - 1))]
    (tmp_path / "x.csv").write_text("who,x,y\n" + "\n".join(lines) + "\n")
    source = str(tmp_path / "x.csv")
    data = Data(source, source, series="who", target=("y",), target_at="step", split="time", validation_share=0.2)
    training, validation, test = sources.load(data)
    assert training.lengths.tolist() == [8, 16] and validation.lengths.tolist() == [2, 4] and len(test) == 2
    for part in (training, validation):
        for inputs, targets, mask, who in zip(part.inputs, part.targets, part.mask, (1, 2), strict=True):
            assert np.array_equal(targets[mask], 10 * who + inputs[mask])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gait": "crawl"}, "line 2: the data has no class 'crawl'; it has fast, slow"),
        ({"gait": ""}, None),
        ({"y, left": None}, "has no column 'y, left'"),
        ({"gait": None}, "has no column 'gait'"),
    ],
)
def test_a_test_of_another_kind_is_refused(change, message, walks, tmp_path):
    table = [{name: value for name, value in (row | change).items() if value is not None} for row in rows(3, seed=1)]
    apart = dataclasses.replace(walks, test=write(tmp_path / "test.csv", table[0], table))
    if message is None:  # all classes unknown: nothing can be measured, and nothing is wrong
        assert not sources.load(apart).test.target_mask.any()
        return
    with pytest.raises(ValueError, match=message):
        sources.load(apart)


def test_a_test_of_another_format_must_have_the_same_names(tmp_path):
    data = SequenceDataset.of([np.ones((2, 1))] * 15, targets=[0, 1, 0] * 5, classes=("a", "b"), features=("x",))
    write_npz(tmp_path / "x.npz", data)
    for change, message in (
        ({"features": ("y",)}, "data.test must have the features and classes of data.source"),
        ({"classes": ("a", "c")}, "data.test must have the features and classes of data.source"),
        ({"targets": None}, "data.test must have targets where data.source has some"),
        ({"targets": np.zeros((15, 2), int)}, "data.test must have targets where data.source has some"),
    ):
        write_npz(tmp_path / "test.npz", dataclasses.replace(data, **change))
        with pytest.raises(ValueError, match=message):
            sources.load(Data(str(tmp_path / "x.npz"), str(tmp_path / "test.npz")))
    write_npz(tmp_path / "test.npz", data)
    assert len(sources.load(Data(str(tmp_path / "x.npz"), str(tmp_path / "test.npz"))).test) == 15


# what becomes of times and features


def test_a_typical_step_is_what_the_settings_say():
    data = SequenceDataset.of([np.ones((4, 1)), np.zeros((3, 1))], times=[[0, 10, 20, 60], [5, 15, 25]])
    for step in (1.0, 0.25):
        made = sources.preparation(Inputs(step=step), data)
        dt = made.apply(data).dt
        assert dt[0] == pytest.approx(np.array([1, 1, 1, 4]) * step) and dt[1, :3] == pytest.approx([step] * 3)
    assert sources.preparation(Inputs(scale=False, indicators=True, since=True, fill="mean"), data).inputs == 3


# series without a target


@pytest.mark.parametrize(
    "columns", [("who", "when", "x", "y, left"), ("y, left", "who", "x", "when", "person", "gait")]
)
def test_a_table_needs_no_target_and_no_group_and_may_have_its_columns_in_any_order(columns, walks, tmp_path):
    settings = dataclasses.replace(walks, group="person")
    whole = sources.source(settings, settings.source)
    found = sources.unlabelled(settings, write(tmp_path / "new.csv", columns, rows()), whole.features)
    assert found.names == whole.names and found.features == whole.features
    assert found.targets is None and found.classes is None and found.groups is None
    assert np.array_equal(found.times, whole.times) and np.array_equal(found.inputs, whole.inputs, equal_nan=True)


def test_a_table_is_read_by_the_usual_names_where_the_settings_name_none(tmp_path):
    """And a column of the times is not overlooked, in no kind of table, where the model was trained on arrays."""
    table = [{"x": "1.5", "time": str(time), "series": who} for who in "ab" for time in (0, 2.5, 7)]
    (tmp_path / "new.csv").write_text("\n" + as_csv(table))
    (tmp_path / "folder").mkdir()
    for who in "ab":
        (tmp_path / "folder" / f"{who}.csv").write_text(as_csv([row for row in table if row["series"] == who]))
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame([row | {"x": 1.5, "time": float(row["time"])} for row in table]).to_parquet(
        tmp_path / "new.parquet"
    )
    for name in ("new.csv", "folder", "new.parquet"):
        found = sources.unlabelled(Data("trained.npz"), str(tmp_path / name), ("x",))
        assert found.names == ("a", "b") and found.times.tolist() == [[0, 2.5, 7]] * 2
    # a feature that is called so stays one
    found = sources.unlabelled(Data("trained.npz"), str(tmp_path / "new.csv"), ("x", "time"))
    assert found.inputs[0].tolist() == [[1.5, 0], [1.5, 2.5], [1.5, 7]] and found.times[0].tolist() == [0, 1, 2]


def test_times_may_be_dates_again_or_numbers_in_their_unit(tmp_path):
    settings = Data("trained.csv", series="who", time="when", time_unit="h")
    for times in (("2026-03-01T00:00Z", "2026-03-01T01:30Z"), ("0", "1.5"), (" 0", "1.5 ")):
        for header in ("when,x,who", " when,x, who"):
            lines = [header, *(f"{time},1,a" for time in times)]
            (tmp_path / "new.csv").write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
            found = sources.unlabelled(settings, str(tmp_path / "new.csv"), ("x",))
            assert found.times.tolist() == [[0, 1.5]] and found.names == ("a",)
    with pytest.raises(ValueError, match="expected a date"):  # both in one file are a mistake
        (tmp_path / "new.csv").write_text("when,x,who\n2026-03-01,1,a\n1.5,1,a\n")
        sources.unlabelled(settings, str(tmp_path / "new.csv"), ("x",))
    parquet = pytest.importorskip("pandas").DataFrame({"when": [0.0, 1.5], "x": [1, 2], "who": ["a", "a"]})
    parquet.to_parquet(tmp_path / "new.parquet")
    assert sources.unlabelled(settings, str(tmp_path / "new.parquet"), ("x",)).times.tolist() == [[0, 1.5]]


@pytest.mark.parametrize("labels", [True, False])
def test_a_folder_with_labels_in_it_is_read_with_or_without_them(labels, tmp_path):
    folder = tmp_path / "walks"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.csv").write_text(f"t,x\n0,{i}\n2,{i}\n")
    settings = Data(str(folder), time="t", labels="labels.csv")
    if labels:
        (folder / "labels.csv").write_text("series,target\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(6)))
        whole = sources.source(settings, settings.source)
        assert whole.classes == ("a", "b") and whole.targets.tolist() == [0, 1] * 3
        # elsewhere they do as well
        (folder / "labels.csv").rename(tmp_path / "elsewhere.csv")
        moved = dataclasses.replace(settings, labels=str(tmp_path / "elsewhere.csv"))
        assert sources.source(moved, moved.source).targets.tolist() == [0, 1] * 3
        (tmp_path / "elsewhere.csv").rename(folder / "labels.csv")
    found = sources.unlabelled(settings, str(folder), ("x",))
    assert found.targets is None and found.names == tuple("012345") and found.times[0].tolist() == [0, 2]


def test_labels_are_for_folders_only(walks):
    with pytest.raises(ValueError, match="has no option 'labels'"):
        sources.load(dataclasses.replace(walks, labels="labels.csv"))


def test_targets_of_arrays_are_not_looked_at(tmp_path):
    data = SequenceDataset.of([np.ones((2, 1))] * 2, targets=[[1.0], [2.0]])
    write_npz(tmp_path / "x.npz", data)
    found = sources.unlabelled(Data(), str(tmp_path / "x.npz"), ("x1",))
    assert found.targets is None and found.outputs is None and len(found) == 2


@pytest.mark.parametrize("text", ["", "\n\n", 'x,"y\n1,2\n', "who,when,when\na,1,2\n"])
def test_what_is_no_table_is_refused_by_its_reader(text, tmp_path):
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(ValueError, match=r"new\.csv"):
        sources.unlabelled(WALKS, str(tmp_path / "new.csv"), ("x",))
    with pytest.raises(FileNotFoundError):
        sources.unlabelled(WALKS, str(tmp_path / "nowhere.csv"), ("x",))
