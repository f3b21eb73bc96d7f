"""What the experiment says, as Markdown: tables of all designs that are finished, and why some carry over."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from liquidjax.experiments.shared.statistics import interquartile_mean, probability_of_improvement, shown
from liquidjax.experiments.shared.tables import markdown
from liquidjax.experiments.shift import summary
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.designs import DESIGNS, MIXED
from liquidjax.experiments.shift.study import Pair
from liquidjax.experiments.shift.tasks import load

REFERENCES = ("LSTM with dt", "leaky integrator", "leaky + MLP")
"""Whom the others are compared with: the usual network that is told times, and two without recurrence."""


def report(config: ShiftConfig, pairs: Sequence[Pair], interrupted: str | None = None) -> str:
    """All of it; what puts tasks together has only designs that are finished on every task."""
    designs = summary.complete(config, pairs)
    trained = {mixed: [name for name in designs if DESIGNS[name].mixed == mixed] for mixed in (False, True)}
    parts = ["# Trained at one sampling, tested at others\n"]
    if interrupted:
        parts.append(
            f"{interrupted} But for the tables of each task, only designs are in it that are finished on every one.\n"
        )
    parts.append(_method(config))
    for mixed, names in trained.items():
        if not names:
            continue
        rows = summary.rows(names, mixed)
        at = "half, once and twice the rate, a third of the series each" if mixed else "one rate"
        parts.append(f"## Trained at {at}\n\nInterquartile means over tasks and seeds (95 % intervals).\n")
        parts.append(_table(pairs, rows, summary.scores) + "\n")
        parts.append("The drop from the clean score, run by run:\n\n" + _table(pairs, rows, summary.drops) + "\n")
        parts.append(_variants(pairs, names))
        parts.append(_improvement(pairs, rows, mixed))
    parts.append(_each_task(config, pairs))
    parts.append(_why(pairs, designs))
    parts.append(
        "![Score against the rate](rates.png)\n\n![Score against the share that is lost](lost.png)\n\n"
        "![Performance profiles](profiles.png)\n"
    )
    return "\n".join(parts)


def headline(config: ShiftConfig, pairs: Sequence[Pair]) -> str:
    """The first table, of those trained at one rate; "" where nobody is finished."""
    rows = summary.rows(summary.complete(config, pairs), mixed=False)
    return _table(pairs, rows, summary.scores) if rows else ""


def _method(config: ShiftConfig) -> str:
    grid, budget = config.grid, config.budget
    interpolated = [
        f"{name} ({', '.join(f'{rate:g}' for rate in rates)})"
        for name in config.tasks
        if (rates := load(name, 20, 20, grid.rates).interpolated)
    ]
    real = "all are data" if not interpolated else f"interpolated linearly: {', '.join(interpolated)}; others are data"
    listed = lambda values: ", ".join(f"{value:g}" for value in values)  # noqa: E731
    return f"""\
Tasks: {", ".join(config.tasks)}; classes, read at the last step. Scores are (accuracy - chance) / (1 - chance): 0 is \
a guess, 1 all right; no network is measured by its own clean score. On the digits a slower rate leaves rows out, so 1 \
cannot be reached there.

* Rates: {listed(grid.rates)} times that of training ({real}). Lost: {listed(grid.lost)} of the steps, singly and in \
bursts of {grid.burst:g} on the average. Jitter: gaps that vary by {listed(grid.jitter)} of their mean. Noise: \
{listed(grid.noise)} standard deviations of each feature. slower, faster and so on are means over these levels; *in \
time* is the mean over all families but noise.
* Everybody: {config.neurons} neurons where there is a wiring, and about as many parameters as the LTC with it; \
{budget.steps} steps of Adam, its rate falling along a cosine, on up to {config.series} series; the learning rate is \
one of {listed(budget.learning_rates)}, by the validation loss of {budget.tuning_seeds} seeds on clean data; the \
parameters are those of the best epoch on clean validation data. The low-pass filter has the best of \
{listed(budget.filters)} steps, tuned likewise, at the learning rate in the middle: as many trials as others have.
* {config.seeds} seeds, {config.headline_seeds} for {", ".join(n for n, d in DESIGNS.items() if d.headline)}; each \
{budget.together} seeds of a wired network have another wiring.
* Read as Euler step, exact step: the trained GRU as a step of a differential equation, rescaled by dt, without \
another training. Not told: the new dt is hidden. Held: the last reading is repeated on the grid of the training, \
which needs no training either. A network with dt as an input that is trained at one rate has seen one value of dt only.
"""


Statistic = Callable[[Sequence[Pair], str, str, Sequence[str]], list[np.ndarray]]


def _table(pairs: Sequence[Pair], rows: Sequence[tuple[str, str]], of: Statistic) -> str:
    """A column for each family, and one for all that is a matter of time; the best of that come first."""
    families = summary.families(pairs)
    if of is summary.drops:
        families = [name for name in families if name != "clean"]
    together = summary.in_time(pairs)
    lines = []
    for design, variant in rows:
        cells = [[family] for family in families] + ([together] if together else [])
        values = [interquartile_mean(of(pairs, design, variant, each)) for each in cells]
        parameters = [pair.parameters for pair in pairs if pair.design == design]
        size = f"{min(parameters):,}-{max(parameters):,}"
        lines.append((values[-1].value, [summary.label(design, variant), size, *map(shown, values)]))
    sign = 1 if of is summary.drops else -1
    lines = [line for _, line in sorted(lines, key=lambda line: sign * line[0])]
    return markdown(["network", "parameters", *families, *(["in time"] if together else [])], lines)


def _variants(pairs: Sequence[Pair], designs: Sequence[str]) -> str:
    wanted = summary.in_time(pairs)
    if not wanted:
        return ""
    lines = []
    for design in designs:
        given = next(pair.scores for pair in pairs if pair.design == design)
        cells = [
            shown(interquartile_mean(summary.scores(pairs, design, variant, wanted))) if variant in given else ""
            for variant in ("told", "not told", "held")
        ]
        knows = DESIGNS[design].knows
        lines.append([summary.label(design, "told"), "" if knows == "nothing" else knows, *cells])
    header = ["network", "dt in its", "told dt", "not told", "held on the grid"]
    return "Told and not told the new dt, and behind a hold, *in time*:\n\n" + markdown(header, lines, "ll") + "\n"


def _improvement(pairs: Sequence[Pair], rows: Sequence[tuple[str, str]], mixed: bool) -> str:
    wanted = summary.in_time(pairs)
    finished = {design for design, _ in rows}
    names = [name + MIXED * mixed for name in REFERENCES]
    references = [name for name in names if name in finished]
    if not wanted or not references:
        return ""
    lines = []
    for design, variant in rows:
        own = summary.scores(pairs, design, variant, wanted)
        lines.append(
            [
                summary.label(design, variant),
                *(
                    shown(probability_of_improvement(own, summary.scores(pairs, name, "told", wanted)))
                    if name != design
                    else ""
                    for name in references
                ),
            ]
        )
    header = ["network", *(f"over {summary.label(name, 'told')}" for name in references)]
    text = "Probability that a run is better than one of another network on the same task, *in time*:\n\n"
    return text + markdown(header, lines) + "\n"


def _each_task(config: ShiftConfig, pairs: Sequence[Pair]) -> str:
    """Plain accuracies: what the anchors hide; of all that is finished on the task."""
    parts = ["## Each task\n\nMean accuracies over the seeds, not normalised.\n"]
    for task in config.tasks:
        of_task = [pair for pair in pairs if pair.task == task]
        names = [
            name
            for name in of_task[0].scores["told"]
            if summary.family(name) in ("clean", "slower", "faster") or name.endswith(("0.7", "1.2", " 1", "0.5"))
        ]
        lines = []
        for pair in of_task:
            for variant, found in pair.scores.items():
                mixed = ", mixed rates" if DESIGNS[pair.design].mixed else ""
                accuracies = [f"{np.mean(found[name]):.3f}" if name in found else "" for name in names]
                lines.append([summary.label(pair.design, variant) + mixed, *accuracies])
        parts.append(f"### {task}\n\n{markdown(['network', *names], lines)}\n")
    return "\n".join(parts)


def _why(pairs: Sequence[Pair], designs: Sequence[str]) -> str:
    """Whether a step can be cut in two says who carries over to faster rates, or does not: computed, not assumed."""
    clean = [name for name in designs if not DESIGNS[name].mixed and DESIGNS[name].knows == "dynamics"]
    if "faster" not in summary.families(pairs) or len(clean) < 3:
        return ""
    lines, halves, lost = [], [], []
    for name in clean:
        own = [pair for pair in pairs if pair.design == name]
        apart, still = np.mean([pair.halves for pair in own]), np.mean([pair.still for pair in own])
        drop = interquartile_mean(summary.drops(pairs, name, "told", ["faster"]))
        lines.append((apart, [name, DESIGNS[name].kind, f"{apart:.3f}", f"{still:.3f}", shown(drop)]))
        halves.append(apart)
        lost.append(drop.value)
    rank = float(np.corrcoef(stats.rankdata(halves), stats.rankdata(lost))[0, 1])
    table = markdown(
        ["network", "kind", "two half steps - one", "a step of 0", "drop at faster rates"],
        [line for _, line in sorted(lines, key=lambda line: line[0])],
        "ll",
    )
    if rank > 0.6:
        verdict = "so here it goes along with who carries over and who does not"
    elif rank > 0.3:
        verdict = "so here it is a part of the matter at most"
    else:
        verdict = "so here it does not say who carries over: something else decides"
    return f"""\
## Why some carry over

The state of a differential equation moves along a curve of time: two steps of dt / 2 lead where one of dt leads, if \
the solver is good, and a step of no time leads nowhere. A network with more readings than it was trained with takes \
just such shorter steps, and arrives at about the same state. A closed form, x <- f(dt, x, u), need not do either: \
the CfC at dt = 0 gives a mixture of its heads and not the old state, so every reading more is one more jump; and \
gates that only decay with dt still write once for each reading. For the trained networks, as shares of what a step \
of 1 does to the state, and beside it what they lose at faster rates:

{table}

The rank correlation of the first and the last column is {rank:.2f} (Spearman, {len(clean)} networks), {verdict}.
"""
