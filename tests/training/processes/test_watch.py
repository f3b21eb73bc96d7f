"""Who is missing, by what the processes say of themselves."""

import json

import pytest

from liquidjax.training.processes import service
from liquidjax.training.processes.watch import Heard, Said, Watch, verdict, waiting

HERE = Heard(Said(9, "together", 5, "step 5"), heard=100.0, moved=60.0)


def heard(state, place, text="", heard=100.0, moved=50.0):
    return Heard(Said(9, state, place, text), heard, moved)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (heard("together", 5, "step 5"), None),  # it compiles, as this one does
        (heard("together", 5, "step 5", heard=69.0), "missing: process 1, not heard of for 31 s"),
        (heard("together", 4, "step 4"), "missing at step 5: process 1, which for 50 s got no further than step 4"),
        (heard("together", 4, "step 4", moved=95.0), None),  # it is slow
        (heard("together", 6, "step 6"), "missing at step 6: process 0, which for 40 s got no further than step 5"),
        (heard("together", 6, "step 6", moved=95.0), None),
        (heard("alone", 4), None),  # it reads its data, and nobody knows for how long
        (heard("alone", 4, heard=60.0), "missing: process 1, not heard of for 40 s"),
        (heard("ended", 5, heard=0.0), None),  # it had nothing else to do
        (heard("ended", 4, heard=0.0), "missing at step 5: process 1, ended before"),
        (heard("failed", 4, "it is on fire"), "it is on fire"),
        (heard("failed", 4, "it is on fire", moved=99.0), None),  # this one may come upon it by itself
    ],
)
def test_who_is_missing(other, sentence):
    found = verdict({0: HERE, 1: other}, own=0, now=100.0, timeout=30.0)
    assert found is None if sentence is None else found is not None and found.startswith(sentence)


def test_several_are_named_and_both_sides_say_the_same():
    everyone = {0: HERE, 1: heard("together", 4, "step 4"), 2: HERE, 3: heard("together", 3, "step 3")}
    sentences = {verdict(everyone, own=own, now=100.0, timeout=30.0) for own in everyone}
    assert len(sentences) == 1 and str(sentences.pop()).startswith("missing at step 5: processes 1, 3, which for 50 s")


def test_one_that_does_something_by_itself_does_not_wait_for_the_others():
    everyone = {0: heard("alone", 5), 1: heard("ended", 4, heard=0.0), 2: heard("together", 4)}
    assert verdict(everyone, own=0, now=100.0, timeout=30.0) is None


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (heard("alone", 4), True),
        (heard("alone", 4, moved=80.0), False),  # not for long
        (heard("together", 5, "step 5"), False),
        (heard("ended", 5, heard=0.0), False),
    ],
)
def test_who_does_something_by_itself_for_long_is_told_to_those_who_wait(other, told):
    sentence = "waits at step 5 for process 1, which for 50 s has done something by itself"
    assert waiting({0: HERE, 1: other}, own=0, now=100.0, timeout=30.0) == (sentence if told else None)


def test_that_one_waits_is_told_once_for_each_place(monkeypatch, capfd):
    watch = Watch(0, 2, timeout=1e-9)
    said = {"1": json.dumps(Said(1, "alone", 0))}
    monkeypatch.setattr(service, "found", lambda folder: {**said, "0": json.dumps(watch.said)})
    monkeypatch.setattr(service, "put", lambda name, word: None)
    monkeypatch.setattr("liquidjax.training.processes.watch.verdict", lambda *_: None)
    for what in ("step 1", "step 2"):
        watch.begin(what)
        for _ in range(4):
            watch.look()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and "process 0 of 2 waits at step 1 for process 1, which for" in lines[0]
    assert "waits at step 2 for process 1" in lines[1]


def test_where_nobody_is_behind_it_ends_at_last():
    everyone = {0: HERE, 1: HERE}
    assert verdict(everyone, own=0, now=600.0, timeout=600.0) is None
    stuck = {number: each._replace(heard=1000.0) for number, each in everyone.items()}
    assert "none is behind: the network is lost" in str(verdict(stuck, own=0, now=1000.0, timeout=30.0))
