"""What is made of the scores: anchors, means, rows, tables and pictures; on numbers that are made up."""

import json

import numpy as np
import pytest

from liquidjax.experiments.shared.statistics import interquartile_mean, short, shown
from liquidjax.experiments.shift import figures, report, run, summary
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.study import Pair

CONDITIONS = ("clean 1", "rate 0.5", "rate 2", "rate 4", "lost 0.5", "bursts 0.5", "jitter 0.3", "noise 1")
NAMES = ("LTC-NCP", "LSTM with dt", "CT-RNN", "CfC", "GRU", "leaky + MLP", "LSTM with dt (mixed rates)")
CONFIG = ShiftConfig(tasks=("sines", "digits"), designs=NAMES)


def pair(task="sines", design="CfC", accuracy=0.75, halves=0.1):
    rng = np.random.default_rng(len(design))
    told = {name: rng.uniform(accuracy - 0.05, accuracy, 6).round(3).tolist() for name in CONDITIONS}
    other = {name: values for name, values in told.items() if not name.startswith(("clean", "noise"))}
    scores = {"told": told, "held": other}
    scores |= {"euler": told, "exact": told} if design == "GRU" else {"not told": other}
    return Pair(task, design, 1000, 0.01, None, [0.9] * 6, scores, halves, 0.2, 1.0)


PAIRS = [pair(task, name, 0.95 - 0.1 * i, 0.1 * i) for i, name in enumerate(NAMES) for task in CONFIG.tasks]


def test_a_guess_is_0_and_all_right_is_1_on_every_task():
    for task, classes in summary.CLASSES.items():
        np.testing.assert_allclose(summary.normalised(np.array([1 / classes, 1.0]), task), [0, 1], atol=1e-12)


def test_a_score_is_the_mean_over_families_of_means_over_their_conditions():
    told = {name: [0.25, 0.25] for name in CONDITIONS}
    told |= {"rate 2": [1.0, 0.25], "rate 4": [0.25, 0.25], "lost 0.5": [1.0, 1.0]}
    one = pair()._replace(scores={"told": told, "held": {"rate 2": [1.0, 1.0]}})
    np.testing.assert_allclose(summary.of_pair(one, "told", ["faster"]), [0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(summary.of_pair(one, "told", ["faster", "lost"]), [0.75, 0.5])
    np.testing.assert_allclose(summary.of_pair(one, "told", ["rate 2"]), [1.0, 0.0], atol=1e-12)
    # What a variant leaves out is as it was told.
    np.testing.assert_allclose(summary.of_pair(one, "held", ["rate 2", "lost"]), [1.0, 1.0])
    np.testing.assert_allclose(summary.drops([one], "CfC", "told", ["lost"]), [[-1.0, -1.0]])
    with pytest.raises(ValueError, match="wanted must be families or conditions"):
        summary.of_pair(one, "told", ["fog"])


def test_only_designs_that_are_finished_on_every_task_are_reported():
    assert summary.complete(CONFIG, PAIRS) == list(NAMES)
    assert summary.complete(CONFIG, PAIRS[1:]) == list(NAMES[1:])
    text = report.report(CONFIG, PAIRS[1:], "Interrupted with 13 of 14.")
    assert "LTC-NCP " not in text.split("## Trained at")[1] and "Interrupted with 13" in text
    assert "LTC-NCP " in text.split("### digits")[1] and "LTC-NCP " not in text.split("### ")[1]


def test_the_report_has_a_row_for_each_and_the_best_first():
    text = report.report(CONFIG, PAIRS)
    first = text.split("## Trained at one rate")[1].split("The drop")[0]
    rows = [line.split("|")[1].strip() for line in first.splitlines() if line.startswith("|")][2:]
    assert rows[0] == "LTC-NCP" and set(rows) == {
        *NAMES[:-1],
        "GRU, read as Euler step",
        "GRU, read as exact step",
    }
    estimate = interquartile_mean(summary.scores(PAIRS, "CfC", "told", ["lost"]))
    assert shown(estimate) in next(line for line in first.splitlines() if "| CfC" in line)
    assert "## Trained at half, once and twice the rate" in text and "over LSTM with dt" in text
    assert "CT-RNN, not told dt" in text and "interpolated linearly: digits (2, 4)" in text
    assert report.headline(CONFIG, PAIRS) in text and report.headline(CONFIG, []) == ""


@pytest.mark.parametrize(
    ("slope", "verdict"), [(0.1, "goes along with who carries over"), (-0.1, "something else decides")]
)
def test_what_is_said_of_half_steps_depends_on_the_numbers(slope, verdict):
    """The drops grow from one of these networks to the next; half steps agree with that, or do not."""
    pairs = []
    for number, name in enumerate(("LTC-NCP", "CT-RNN", "CfC", "leaky + MLP")):
        for task in CONFIG.tasks:
            made = pair(task, name, halves=0.5 + slope * number)
            fast = {each: [0.7 - 0.1 * number] * 6 for each in ("rate 2", "rate 4")}
            pairs.append(made._replace(scores={"told": made.scores["told"] | fast | {"clean 1": [0.9] * 6}}))
    config = ShiftConfig(tasks=CONFIG.tasks, designs=("LTC-NCP", "CT-RNN", "CfC", "leaky + MLP"))
    made = [each._replace(scores=each.scores | {"held": {}, "not told": {}}) for each in pairs]
    assert verdict in report.report(config, made)


def test_numbers_are_short():
    assert [short(number) for number in (0.9, 1.0, -0.05, 0.0, 0.996)] == [".90", "1.00", "-.05", ".00", "1.00"]


def test_every_line_of_a_picture_is_drawn_with_its_band():
    drawn = figures.all_of(CONFIG, PAIRS)
    assert list(drawn) == ["rates", "lost", "profiles"]
    rates, mixed = drawn["rates"].axes
    # LTC-NCP, CT-RNN, CfC, LSTM with dt told and held, GRU as Euler step, leaky + MLP
    assert len(rates.lines) == len(rates.collections) == 7 and len(mixed.lines) == 2
    np.testing.assert_array_equal(rates.lines[0].get_xdata(), [0.5, 1, 2, 4])
    expected = interquartile_mean(summary.scores(PAIRS, "LTC-NCP", "told", ["rate 2"])).value
    assert np.asarray(rates.lines[0].get_ydata())[2] == expected
    assert len(drawn["lost"].axes) == 4 and len(drawn["profiles"].axes) == 2
    shares = np.asarray(drawn["profiles"].axes[0].lines[0].get_ydata())
    assert shares[0] == 1 and np.all(np.diff(shares) <= 0)


def test_what_is_written_is_read_back_and_every_pair_is_a_line(tmp_path):
    run.write(tmp_path, CONFIG, PAIRS)
    assert run.read(tmp_path / "results.json") == PAIRS
    lines = (tmp_path / "results.json").read_text().splitlines()
    assert len(lines) == len(PAIRS) + 2 and json.loads(lines[1].rstrip(","))["design"] == "LTC-NCP"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("results.json", "report.md", "rates.png", "lost.png", "profiles.png")
    }
