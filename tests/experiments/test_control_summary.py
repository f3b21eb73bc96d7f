"""What is made of the scores of the control experiment: anchors, tables, claims, verdicts and pictures."""

import dataclasses
import json

import numpy as np
import pytest

from control_pairs import CONFIG, NAMES, PAIRS, pair
from liquidjax.experiments.control import animation, claims, figures, report, run, smoothness, summary
from liquidjax.experiments.control.config import Budget, ControlConfig, Grid
from liquidjax.experiments.control.designs import DESIGNS, ENGINEERS, TABLE, named
from liquidjax.experiments.shared.networks import SIZED, WIRED
from liquidjax.experiments.shared.statistics import interquartile_mean, shown


def test_nobody_has_score_0_and_the_clean_expert_1_on_every_task():
    for task in CONFIG.tasks:
        for name, expected in (("nobody", 0.0), ("expert", 1.0)):
            (found,) = summary.values(PAIRS, name, "told", ["clean"], "score", [task])
            np.testing.assert_allclose(found, [expected], atol=1e-12)


def test_a_score_is_the_mean_over_families_of_means_over_their_conditions():
    told = {"clean 1": [1.0], "noise 0.1": [0.4], "noise 1": [0.0], "lost 0.4": [0.8]}
    one = PAIRS[-1]._replace(task="cart-pole", design="CfC", survival={"told": told, "not told": {"lost 0.4": [0.2]}})
    of = lambda *wanted, variant="told": summary.of_pair([one], one, variant, wanted, "survival").tolist()  # noqa: E731
    assert of("noise") == [0.2] and of("noise", "lost") == [0.5] and of("noise 1") == [0.0]
    assert of("noise", "lost", variant="not told") == pytest.approx([0.2])  # what is left out is as it was told
    with pytest.raises(ValueError, match="wanted must be families or conditions"):
        of("fog")


def test_only_what_is_finished_is_in_a_table_and_nothing_before_the_anchors():
    assert summary.complete(CONFIG, PAIRS, ["cart-pole"]) == list(NAMES)
    assert summary.complete(CONFIG, PAIRS, CONFIG.tasks) == [name for name in NAMES if not DESIGNS[name].front]
    assert summary.complete(CONFIG, PAIRS[1:], ["cart-pole"]) == []
    without = [each for each in PAIRS if (each.task, each.design) != ("swimmer", "CfC")]
    text = report.report(CONFIG, without, "Interrupted with 18 of 19.")
    assert "Interrupted with 18 of 19." in text
    survive, score = text.split("## Score of the cost")[:2]
    assert "| CfC" in survive and "| CfC" not in score.split("## ")[0]


def test_tables_put_tasks_together_by_families_that_all_of_them_have():
    few = [
        each._replace(
            **{
                table: {
                    variant: {name: found for name, found in values.items() if name.split()[0] in ("clean", "lost")}
                    for variant, values in getattr(each, table).items()
                }
                for table in ("survival", "cost")
            }
        )
        if each.task == "swimmer"
        else each
        for each in PAIRS
    ]
    assert summary.families(few, ["cart-pole"]) == list(summary.FAMILIES)
    assert summary.families(few, CONFIG.tasks) == ["clean", "lost"]
    score = report.report(CONFIG, few).split("## Score of the cost")[1]
    assert [cell.strip() for cell in score.split("\n")[4].split("|")[3:-1]] == ["clean", "lost", "faults"]


def test_the_best_come_first_and_the_engineers_last():
    text = report.report(CONFIG, PAIRS)
    first = text.split("), trained on clean frames")[1].split("Probability")[0]
    rows = [line.split("|")[1].strip() for line in first.splitlines() if line.startswith("|")][2:]
    networks = ["LTC-NCP", "LSTM with dt", "CfC", "GRU", "GRU, read as Euler step"]
    assert sorted(rows[:5]) == sorted(networks) and rows[0] == "LTC-NCP" and rows[5:] == list(reversed(ENGINEERS))
    found = summary.values(PAIRS, "CfC", "told", ["lost"], "survival", ["cart-pole"])
    assert shown(interquartile_mean(found)) in next(line for line in first.splitlines() if "| CfC" in line)
    assert report.headline(CONFIG, PAIRS) in text and report.headline(CONFIG, []) == ""
    behind = text.split("## Behind a filter")[1].split("## ")[0]
    assert next(line for line in behind.splitlines() if "| CfC" in line).count("to") == 4  # alone and behind Kalman


def test_claimed_and_found_stand_side_by_side():
    text = claims.claims(PAIRS)
    found = next(each for each in PAIRS if each.design == "LTC-NCP").survival["told"]
    line = next(line for line in text.splitlines() if line.startswith("| LTC-NCP"))
    cells = [cell.strip() for cell in line.split("|")[2:-1]]
    assert cells[0::2] == [".87", ".92", ".92", ".91"]
    assert cells[1] == shown(interquartile_mean([np.array(found["together 1"])]))
    assert cells[3] == shown(interquartile_mean([np.array(found["lost 0.4"])]))
    assert claims.claims([]) == "" and "GRU-D" not in text


@pytest.mark.parametrize(
    ("error", "activity", "verdict"),
    [
        (1, -1, "a larger error goes along with survival over networks, but hardly within one; a smoother action goes"),
        (-1, 1, "a larger error goes along with falling, over networks; a smoother action goes along with falling"),
    ],
)
def test_what_is_said_of_smoothness_depends_on_the_numbers(error, activity, verdict):
    """Survival grows from one of these networks to the next; errors and activities grow with it or against it."""
    pairs = [each for each in PAIRS if each.design in ENGINEERS]
    for number, name in enumerate(("CfC", "GRU", "LTC-NCP", "LSTM with dt")):
        level = 0.2 * (1 + number)
        made = pair("cart-pole", name, level, 0.5 + 0.1 * error * number, 0.5 + 0.1 * activity * number)
        told = {key: [level] * 4 for key in made.survival["told"]} | {"clean 1": [1.0] * 4}
        pairs.append(made._replace(survival=made.survival | {"told": told}))
    text = smoothness.smoothness(CONFIG, pairs)
    assert verdict in text and "| over 4 networks" in text and "calmed: noise" in text


def test_runs_that_fall_without_a_fault_are_not_counted_among_those_that_stand():
    made = pair("cart-pole", "CfC", 0.6)
    text = smoothness.smoothness(CONFIG, [*PAIRS, made])
    standing = sum(run.clean >= smoothness.STANDING for run in smoothness.runs(PAIRS))
    assert f"over {standing} runs that stand" in text


def test_every_line_of_a_picture_is_drawn():
    drawn = figures.all_of(CONFIG, PAIRS)
    assert list(drawn) == ["faults", "profiles", "smoothness"]
    axes = drawn["faults"].axes
    assert len(axes) == 2 * 6  # two ways of training, six faults
    rates = axes[0]
    assert len(rates.lines) == 4 + 2 and len(rates.collections) == 4
    np.testing.assert_array_equal(rates.lines[0].get_xdata(), [0.5, 1, 2])
    told = next(each for each in PAIRS if each.design == "LTC-NCP").survival["told"]
    assert np.asarray(rates.lines[0].get_ydata())[0] == interquartile_mean([np.array(told["rate 0.5"])]).value
    assert sum(len(np.asarray(each.get_offsets())) for each in drawn["smoothness"].axes[0].collections) == 16
    shares = np.asarray(drawn["profiles"].axes[0].lines[0].get_ydata())
    assert shares[0] == 1 and np.all(np.diff(shares) <= 0)


def test_what_is_written_is_read_back_and_every_pair_is_a_line(tmp_path):
    run.write(tmp_path, CONFIG, PAIRS)
    assert run.read(tmp_path / "results.json") == PAIRS
    lines = (tmp_path / "results.json").read_text().splitlines()
    assert len(lines) == len(PAIRS) + 2 and json.loads(lines[1].rstrip(","))["design"] == "nobody"
    expected = {"results.json", "report.md", "faults.png", "profiles.png", "smoothness.png"}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_the_table_has_every_network_in_every_way():
    assert len(DESIGNS) == len(TABLE) == 10 * 3 * 2
    assert {design.network.cell for design in TABLE} <= SIZED.keys() | WIRED.keys()
    for design in TABLE:
        assert named(design.network.name, design.front, design.faulty) == design.name
    assert set(claims.CLAIMED) <= set(DESIGNS) and {name for name, *_ in figures.LINES} <= set(DESIGNS)
    assert animation.FRAMES_A_SECOND <= 25


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ControlConfig(designs=("LSTM",)), "designs must be some of 60: LTC-NCP, .*got 'LSTM'"),
        (lambda: ControlConfig(tasks=("cart-pole", "cart-pole")), "tasks must be some of 3: .*got one twice"),
        (lambda: ControlConfig(tasks=("swimmer",), designs=("Kalman + CfC",)), "nothing is left"),
        (lambda: ControlConfig(seeds=7), "seeds must be a multiple of 5"),
        (lambda: ControlConfig(neurons=5), "neurons must be at least 8"),
        (lambda: ControlConfig(seconds=0.1), r"seconds must be in \[0.5, 1000\]"),
        (lambda: Grid(rates=(3.0,)), r"rates must be some of 0.25, 0.5, 2.0, 4.0, got 3.0"),
        (lambda: Grid(jitter=(0.1,)), r"jitter must be in \[0.25, 3\], got 0.1"),
        (lambda: Grid(lost=(0.9,)), "burst at least 1 and lost / .1 - lost., got lost 0.9 and burst 4.0"),
        (lambda: Grid(delay=(1, 1)), "delay must be different numbers"),
        (lambda: Grid(together=(0.6, 0.3)), "together must be jitter, noise and a share below 1"),
        (lambda: Budget(learning_rates=(2.0,)), "learning_rates must be at most 1, got 2.0"),
        (lambda: Budget(kalman=()), "kalman must be 1 to 20 different numbers, got 0"),
    ],
)
def test_settings_that_fit_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_seeds_that_tune_do_not_train():
    config = dataclasses.replace(CONFIG, seeds=10)
    for name in NAMES:
        groups = config.groups(name)
        assert min(map(min, groups)) >= 100 > config.budget.together and len(groups[0]) == config.budget.together
    assert sum(map(len, config.groups("LTC-NCP"))) == 20 and sum(map(len, config.groups("Kalman + CfC"))) == 10
