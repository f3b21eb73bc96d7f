"""What the experiment says, as Markdown: who stays up, what it costs, and what became of the claims."""

from collections.abc import Sequence

import numpy as np

from liquidjax.experiments.control import summary
from liquidjax.experiments.control.claims import claims
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.designs import DESIGNS, ENGINEERS, FAULTY
from liquidjax.experiments.control.smoothness import smoothness
from liquidjax.experiments.control.study import Pair
from liquidjax.experiments.control.summary import Measure
from liquidjax.experiments.shared.statistics import interquartile_mean, probability_of_improvement, short, shown
from liquidjax.experiments.shared.tables import markdown

REFERENCES = ("LSTM with dt", "leaky + MLP")
"""Whom the others are compared with: the usual network that is told times, and one without recurrence."""


def report(config: ControlConfig, pairs: Sequence[Pair], interrupted: str | None = None) -> str:
    """All of it; a table has only designs that are finished on its tasks."""
    parts = ["# Control through faults of the sensors\n"]
    if interrupted:
        parts.append(f"{interrupted} In each table are only designs that are finished on all of its tasks.\n")
    parts.append(_method(config))
    parts.append(claims(pairs))
    falling = [task for task in config.tasks if task in summary.falling(pairs)]
    sections: tuple[tuple[Measure, list[str], str], ...] = (
        ("survival", falling, f"Share of the episodes that do not fall ({', '.join(falling)})"),
        ("score", list(config.tasks), f"Score of the cost, 0 nobody, 1 the clean expert ({', '.join(config.tasks)})"),
    )
    for measure, tasks, what in sections:
        parts += _section(config, pairs, measure, tasks, what)
    parts.append(_variants(config, pairs))
    parts += _behind_filters(config, pairs)
    parts.append(smoothness(config, pairs))
    parts.append(_each_task(config, pairs))
    parts.append(
        "![Survival against the strength of each fault](faults.png)\n\n![Performance profiles](profiles.png)\n\n"
        "![Survival against the error of the imitation and the smoothness of the actions](smoothness.png)\n\n"
        "![A cart with a pole on it, the wiring of the 19 neurons that balance it with their states as colours, and "
        "their time constants, which change as they act](balancing.gif)\n"
    )
    return "\n".join(part for part in parts if part)


def headline(config: ControlConfig, pairs: Sequence[Pair]) -> str:
    """The first table, of those trained on clean frames; "" where nobody is finished."""
    tasks = [task for task in config.tasks if task in summary.falling(pairs)] or list(config.tasks)
    names = [name for name in summary.complete(config, pairs, tasks) if not DESIGNS[name].front]
    measure: Measure = "survival" if summary.falling(pairs) else "score"
    rows = summary.rows(names, faulty=False)
    return _table(pairs, rows, measure, tasks) if rows else ""


def _method(config: ControlConfig) -> str:
    grid, budget = config.grid, config.budget
    changed = "the noise of *together* was changed once, from 0.3, where most networks survived nothing"
    frames = "25 frames a second (the double pendulum 50)"
    listed = lambda values: ", ".join(f"{value:g}" for value in values)  # noqa: E731
    return f"""\
Tasks: {", ".join(config.tasks)}. Networks see positions, never velocities, {frames}; \
physics have steps of 0.01 s whatever happens, and between two calls the action is held. They imitate an expert that \
sees velocities too: a linear-quadratic regulator, for the swimmer a linear policy that augmented random search found.

* Rates: {listed(grid.rates)} times that of training. Delay: {listed(grid.delay)} frames. Jitter: gaps that vary by \
{listed(grid.jitter)} of their mean. Noise: {listed(grid.noise)} of a unit that belongs to the task (cart-pole: 0.1 m \
and 0.05 rad). Lost: {listed(grid.lost)} of the frames, singly and in bursts of {grid.burst:g} on the average; a lost \
frame is no call. Together: jitter {grid.together[0] if grid.together else 0:g}, noise \
{grid.together[1] if grid.together else 0:g} and {grid.together[2] if grid.together else 0:.0%} lost. The tasks of \
MuJoCo have fewer levels of each. Levels were chosen by what the expert and the Kalman filter can do; {changed}.
* {config.starts} episodes for each network and condition, of {config.seconds:g} s ({config.mujoco_seconds:g} s with \
MuJoCo), the same for everybody.
* Everybody: as many parameters as the LTC-NCP with {config.neurons} neurons has on the task; {budget.series} \
demonstrations of {budget.frames} frames, {budget.steps} steps of Adam along a cosine; the learning rate is one of \
{listed(budget.learning_rates)}, the low-pass filter has one of {listed(budget.low_pass)} frames, and the Kalman \
filter expects one of {listed(budget.kalman)} units of noise, by the error on clean validation demonstrations. \
{config.seeds} seeds, {config.headline_seeds} for LTC-NCP and LSTM with dt without a filter, trained on \
clean frames; each {budget.together} seeds of a wired network have another wiring.
* Trained on faults: frames with jitter {budget.jitter:g} and {budget.lost:.0%} lost, no noise.
* expert: sees velocities at the same frames. Kalman + expert: positions only, behind a Kalman filter that knows the \
linear model of the task (of the swimmer that what moves goes on). nobody: no action.
"""


def _section(config, pairs, measure: Measure, tasks: Sequence[str], what: str) -> list[str]:
    names = [name for name in summary.complete(config, pairs, tasks) if not DESIGNS[name].front]
    parts = []
    for faulty in (False, True):
        rows = summary.rows(names, faulty)
        if not rows:
            continue
        parts.append(f"## {what}, trained {'on faulty' if faulty else 'on clean'} frames\n")
        parts.append("Interquartile means over tasks and seeds (95 % intervals); *faults* is the mean over all.\n")
        parts.append(_table(pairs, rows, measure, tasks) + "\n")
        parts.append(_improvement(pairs, rows, measure, tasks, faulty))
    return parts


def _table(pairs: Sequence[Pair], rows: Sequence[tuple[str, str]], measure: Measure, tasks: Sequence[str]) -> str:
    """A column for each family, and one for all faults; the best of that come first, the engineers last."""
    columns = [[each] for each in summary.families(pairs, tasks)] + [summary.faults(pairs, tasks)]
    columns = [each for each in columns if each]
    networks, others = [], []
    for design, variant in [*rows, *((name, "told") for name in reversed(ENGINEERS))]:
        found = [summary.values(pairs, design, variant, each, measure, tasks) for each in columns]
        sizes = sorted({pair.parameters for pair in pairs if pair.design == design})
        size = "-".join(f"{each:,}" for each in sizes[:: max(1, len(sizes) - 1)]) if design in DESIGNS else ""
        if design in DESIGNS:
            estimates = [interquartile_mean(each) for each in found]
            networks.append((estimates[-1].value, [summary.label(design, variant), size, *map(shown, estimates)]))
        else:
            others.append([design, size, *(short(float(np.mean(each))) for each in found)])
    lines = [line for _, line in sorted(networks, key=lambda line: -line[0])] + others
    names = [*summary.families(pairs, tasks), "faults"][: len(columns)]
    return markdown(["network", "parameters", *names], lines)


def _improvement(pairs, rows, measure: Measure, tasks, faulty: bool) -> str:
    wanted = summary.faults(pairs, tasks)
    finished = {design for design, _ in rows}
    references = [name + FAULTY * faulty for name in REFERENCES if name + FAULTY * faulty in finished]
    if not wanted or not references:
        return ""
    lines = []
    for design, variant in rows:
        own = summary.values(pairs, design, variant, wanted, measure, tasks)
        others = {name: summary.values(pairs, name, "told", wanted, measure, tasks) for name in references}
        cells = [
            shown(probability_of_improvement(own, each)) if name != design else "" for name, each in others.items()
        ]
        lines.append([summary.label(design, variant), *cells])
    header = ["network", *(f"over {summary.label(name, 'told')}" for name in references)]
    return (
        "Probability that a run is better than one of another network, *faults*:\n\n" + markdown(header, lines) + "\n"
    )


def _variants(config: ControlConfig, pairs: Sequence[Pair]) -> str:
    """Told, not told and calmed, where it was asked: on the cart-pole."""
    asked = [pair for pair in pairs if pair.design in DESIGNS and "calmed" in pair.survival]
    wanted = [name for name in summary.faults(pairs, [each.task for each in asked]) if name not in ("delay", "noise")]
    if not asked or not wanted:
        return ""
    lines = []
    for pair in asked:
        cells = [
            shown(interquartile_mean([summary.of_pair(pairs, pair, variant, wanted, "survival")]))
            if variant in pair.survival
            else ""
            for variant in ("told", "not told", "calmed")
        ]
        knows = DESIGNS[pair.design].network.knows
        lines.append([pair.design, "" if knows == "nothing" else knows, *cells])
    return (
        f"## Told the time and not, on the {asked[0].task}\n\nShare of the episodes that do not fall, "
        f"*{', '.join(wanted)}*: told how much time has passed; not told it; and told, with the actions behind a "
        "low-pass filter of one frame.\n\n"
        + markdown(["network", "dt in its", "told dt", "not told", "calmed"], lines, "ll")
        + "\n"
    )


def _behind_filters(config: ControlConfig, pairs: Sequence[Pair]) -> list[str]:
    """Each network by itself and behind each filter, on the tasks on which that was computed."""
    tasks = [task for task in config.tasks if task in config.filtered]
    names = summary.complete(config, pairs, tasks)
    wanted = summary.faults(pairs, tasks)
    if not any(DESIGNS[name].front for name in names) or not wanted:
        return []
    measure: Measure = "survival" if set(tasks) <= set(summary.falling(pairs)) else "score"
    parts = [
        f"## Behind a filter ({', '.join(tasks)})\n\nInterquartile means of the {measure}, *faults* and *noise*.\n"
    ]
    for faulty in (False, True):
        alike = [name for name in names if DESIGNS[name].faulty == faulty]
        plains = [name for name in alike if not DESIGNS[name].front]
        if not plains or plains == alike:  # nobody, or nobody behind a filter
            continue
        lines = []
        for plain in plains:
            cells = []
            for families in (wanted, ["noise"]):
                for front in ("", "low-pass + ", "Kalman + "):
                    there = front + plain in names and set(families) <= set(summary.families(pairs, tasks))
                    found = summary.values(pairs, front + plain, "told", families, measure, tasks) if there else []
                    cells.append(shown(interquartile_mean(found)) if found else "")
            lines.append([summary.label(plain, "told"), *cells])
        fronts = ("alone", "low-pass", "Kalman")
        header = ["network", *(f"{each}, {what}" for what in ("faults", "noise") for each in fronts)]
        parts.append(f"Trained on {'faulty' if faulty else 'clean'} frames:\n\n{markdown(header, lines)}\n")
    return parts


def _each_task(config: ControlConfig, pairs: Sequence[Pair]) -> str:
    """Plain numbers: what the anchors hide; of all that is finished on the task."""
    parts = ["## Each task\n"]
    for task in config.tasks:
        of_task = [pair for pair in pairs if pair.task == task]
        if not of_task:
            continue
        falls = task in summary.falling(pairs)
        what = "Mean share of the episodes that do not fall" if falls else "Mean cost of a second"
        names = list(of_task[0].survival["told"])
        lines = []
        for pair in of_task:
            for variant, found in (pair.survival if falls else pair.cost).items():
                faulty = ", faults" if pair.design in DESIGNS and DESIGNS[pair.design].faulty else ""
                cells = [f"{np.mean(found[name]):.{2 if falls else 3}f}" if name in found else "" for name in names]
                lines.append([summary.label(pair.design, variant) + faulty, *cells])
        parts.append(f"### {task}\n\n{what}.\n\n{markdown(['network', *names], lines)}\n")
    return "\n".join(parts)
