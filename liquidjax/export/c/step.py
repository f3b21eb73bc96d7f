"""The step of a model in C: the scaling of readings and their gaps, the cell, and the answer so far."""

from typing import Any

import numpy as np

from liquidjax.export.c.program import Program, state_size
from liquidjax.export.deployed import Deployed
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression

STEP = """
int NAME_step(NAME_state *state, const REAL inputs[$INPUTS], REAL dt,
              REAL outputs[$OUTPUTS])
{
    REAL u[$read], y[$answered];
$begin    if (!(dt >= 0.0 && dt <= LARGEST))
        return 1;
    for (int i = 0; i < $INPUTS; i++) {
        u[i] = $scaled;
        if (!NAME_finite(u[i])$unless_missing)
            return 2;
    }
    /* Nothing has changed before this line. */
$prepare    NAME_cell(state->cell, u, dt, y);
$answer    return 0;
}
"""
RESET = """
void NAME_reset(NAME_state *state)
{
    memset(state, 0, sizeof *state);
}
"""
SOFTMAX = """\
    REAL largest = y[0], sum = 0.0;
    for (int i = 1; i < $OUTPUTS; i++)
        largest = y[i] > largest ? y[i] : largest;
    for (int i = 0; i < $OUTPUTS; i++)
        sum += y[i] = exp(y[i] - largest);
    for (int i = 0; i < $OUTPUTS; i++)
        outputs[i] = y[i] / sum;
"""
MEAN = """\
    for (int i = 0; i < $answered; i++)
        y[i] = state->mean[i] += (y[i] - state->mean[i]) / state->steps; /* the mean of all steps so far */
"""
_PREPARED, _OBJECTIVES = (type(None), Preparation), (type(None), Classification, Event, Regression, Forecast)


def check(deployed: Deployed, language: str = "C") -> None:
    """Raises the ValueError for what is done to data or outputs in ways that cannot be said there, or does not fit."""
    model = deployed.model
    for name, value, known in (
        ("preparation", model.preparation, _PREPARED),
        ("objective", model.objective, _OBJECTIVES),
    ):
        if type(value) not in known:  # of a class that inherits from one of them nobody knows what it does
            raise ValueError(
                f"the {name} {type(value).__name__} cannot be exported to {language}: what it does is known in Python "
                "only"
            )
    moments = _answer_moments(deployed)
    if moments is not None and len(moments[0]) != deployed.cell.outputs:
        raise ValueError(
            f"the preparation must know mean and spread of {deployed.cell.outputs} values, which the cell answers, "
            f"got those of {len(moments[0])}"
        )
    if len(deployed.answers) != outputs(deployed):
        raise ValueError(
            f"the model must have a name for each of its {outputs(deployed)} answers, got {len(deployed.answers)}"
        )


def outputs(deployed: Deployed) -> int:
    """How many numbers a step answers."""
    return 1 if isinstance(deployed.model.objective, Event) else deployed.cell.outputs


def state_fields(deployed: Deployed) -> dict[str, tuple[int, str]]:
    """Fields of the state: their size, 0 for a single number, and what they are."""
    features, fields = len(deployed.features), {"cell": (state_size(deployed.cell), "the neurons")}
    meanings = {
        "filled": (features, "each input as it was last observed, scaled"),
        "since": (features, "how long ago that was"),
        "mean": (deployed.cell.outputs, "of the outputs of the cell so far"),
        "steps": (0, "how many there have been"),
    }
    return fields | {name: meaning for name, meaning in meanings.items() if name in deployed.state_shapes}


def add_step(program: Program, deployed: Deployed) -> None:
    """Adds `NAME_reset` and `NAME_step`, which call `NAME_cell`."""
    preparation = deployed.model.preparation
    sizes: dict[str, Any] = {"INPUTS": f"{program.name.upper()}_INPUTS", "OUTPUTS": f"{program.name.upper()}_OUTPUTS"}
    unit = 1.0 if preparation is None else preparation.time_unit
    begin = "" if unit == 1 else f"    dt /= {positive(program, 'time_unit', unit)};\n"
    program.add(RESET)
    program.add(
        STEP,
        **sizes,
        read=deployed.cell.inputs,
        answered=deployed.cell.outputs,
        begin=begin,
        scaled="inputs[i]" if preparation is None else scaled(program, preparation),
        unless_missing="" if preparation is None else " && !NAME_missing(inputs[i])",
        prepare=prepare(deployed, sizes["INPUTS"]),
        answer=answer(program, deployed, sizes["OUTPUTS"]),
    )


def scaled(program: Program, preparation: Preparation) -> str:
    """The scaled feature, as C; the mean as two numbers, see `Deployed`."""
    mean, text = np.asarray(preparation.mean), "inputs[i]"
    with np.errstate(over="ignore"):
        low = mean - mean.astype(program.dtype)
    for name, values in (("mean", mean), ("mean_rest", low)):
        if values.any():
            program.numbers(name, values)
            text += f" - NAME_{name}[i]"
    if any(spread != 1 for spread in preparation.spread):
        for spread in preparation.spread:
            positive(program, "spread", spread)
        program.numbers("spread", preparation.spread)
        text = f"({text}) / NAME_spread[i]" if " " in text else f"{text} / NAME_spread[i]"
    return text


def prepare(deployed: Deployed, inputs: str) -> str:
    """The lines that fill gaps and count steps."""
    preparation, count = deployed.model.preparation, "    state->steps += 1.0;\n" if _counts(deployed) else ""
    if preparation is None:
        return count
    lines = [f"for (int i = 0; i < {inputs}; i++) {{", "    const int observed = !NAME_missing(inputs[i]);"]
    if preparation.fill == "carry":
        lines += ["    if (observed)", "        state->filled[i] = u[i];", "    u[i] = state->filled[i];"]
    else:
        lines += ["    if (!observed)", "        u[i] = 0.0;"]
    place = inputs
    if preparation.indicators:
        lines.append(f"    u[{place} + i] = observed ? 1.0 : 0.0;")
        place = f"2 * {inputs}"
    if preparation.since:
        lines.append("    state->since[i] = observed || state->steps < 1.0 ? 0.0 : state->since[i] + dt;")
        lines.append(f"    u[{place} + i] = state->since[i];")
    return "".join(f"    {line}\n" for line in [*lines, "}"]) + count


def _counts(deployed: Deployed) -> bool:
    return "steps" in deployed.state_shapes


def answer(program: Program, deployed: Deployed, outputs: str) -> str:
    """The lines that make answers out of the outputs of the cell."""
    mean = MEAN.replace("$answered", str(deployed.cell.outputs)) if deployed.means else ""
    objective, moments = deployed.model.objective, _answer_moments(deployed)
    if isinstance(objective, Classification):
        return mean + SOFTMAX.replace("$OUTPUTS", outputs)
    if isinstance(objective, Event):
        return mean + "    outputs[0] = NAME_sigmoid(y[0]);\n"
    if moments is None:
        return mean + f"    memcpy(outputs, y, {outputs} * sizeof(REAL));\n"
    for name, values in zip(("answer_mean", "answer_spread"), moments, strict=True):
        program.numbers(name, values)
    unscaled = "y[i] * NAME_answer_spread[i] + NAME_answer_mean[i]"
    return mean + f"    for (int i = 0; i < {outputs}; i++)\n        outputs[i] = {unscaled};\n"


def _answer_moments(deployed: Deployed) -> tuple[Any, Any] | None:
    """(mean, spread) of what is answered in the units of the data; None where nothing is scaled."""
    preparation, objective = deployed.model.preparation, deployed.model.objective
    if preparation is None or not isinstance(objective, Regression | Forecast):
        return None
    if isinstance(objective, Forecast):
        return preparation.mean, preparation.spread
    if preparation.target_mean is None:
        return None
    return preparation.target_mean, preparation.target_spread


def positive(program: Program, name: str, value: float) -> str:
    """A number of the preparation, as C."""
    with np.errstate(over="ignore", under="ignore"):
        single = np.dtype(program.dtype).type(value)
    if not (np.isfinite(single) and single > 0):
        raise ValueError(f"{name} of the preparation must be above 0 and finite in {program.dtype}, got {value}")
    return program.number(single)
