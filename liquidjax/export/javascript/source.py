"""The whole module: what it says of itself, what it exports, constants and functions."""

from importlib.metadata import version
from typing import Any

import numpy as np

from liquidjax.export.c import step
from liquidjax.export.c.cells.table import emit
from liquidjax.export.c.source import EXAMPLE, MOST_NAMED, stored
from liquidjax.export.c.words import paragraph
from liquidjax.export.comparison import TOLERANCE, Readings, unit
from liquidjax.export.deployed import Deployed
from liquidjax.export.javascript.program import JavaScript
from liquidjax.export.javascript.words import comment, literal

FILE = """\
/* A recurrent network that reads one step after another. Written by liquidjax {version}; not to be edited.
 *
{what}
 *
 *     import {{init, step, names, firstDt}} from "./{file}";
 *     let state = init(), outputs; // one state for each series
 *     [state, outputs] = step(state, inputs, firstDt); // what passed before the first step nobody knows
 *     [state, outputs] = step(state, inputs, dt); // and so on, as the readings come
 *
 * A state is never changed: step gives another one. inputs are numbers in an array of any kind{missing};
 * outputs are a Float64Array. Everything is computed in double, with no other module. A RangeError or TypeError says
 * what cannot be. selftest() tells the largest difference from liquidjax, 1 where it is as large as allowed.{constants}
 */

export const names = Object.freeze({{
    inputs: Object.freeze([{inputs}]),
    outputs: Object.freeze([{outputs}]), // {kind}
}});
export const firstDt = {first_dt};

{program}
"""
STEP = """
/* The state before the first step of a series. */
export function init() {
    return {$initial};
}

/* One step: [the state after it, outputs]. dt is the time since the step before. */
export function step(before, inputs, dt) {
    if (typeof dt !== "number" || !(dt >= 0.0 && dt <= LARGEST))
        throw new RangeError("dt must be a finite number from 0 on, got " + String(dt));
    const state = NAME_copy(before), outputs = new Float64Array($OUTPUTS), y = new Float64Array($answered);
$begin    const u = NAME_read(state, inputs, dt);
    NAME_cell(state.cell, u, dt, y);
$answer    return [state, outputs];
}

/* What the cell reads; what is kept of it goes into the state. */
function NAME_read(state, inputs, dt) {
    const u = new Float64Array($read);
    if (inputs.length !== $INPUTS)
        throw new RangeError("inputs must be $INPUTS numbers, got " + String(inputs.length));
    for (let i = 0; i < $INPUTS; i++) {
        if (typeof inputs[i] !== "number")
            throw new TypeError("inputs must be numbers, got " + typeof inputs[i] + " for " + names.inputs[i]);
        u[i] = $scaled;
        if (!NAME_finite(u[i])$unless_missing)
            throw new RangeError("inputs must be finite, got " + String(inputs[i]) + " for " + names.inputs[i]);
    }
$prepare    return u;
}

function NAME_copy(state) {
    const copy = {$copied};
    if ($wrong)
        throw new RangeError("state must be one of this network, as init or step gave it");
    return copy;
}
"""
SELFTEST = """
export function selftest() {
    let state = init(), outputs, largest = 0.0;
    for (let t = 0; t < $steps; t++) {
        [state, outputs] = step(state, NAME_example.subarray($INPUTS * t, $INPUTS * t + $INPUTS), NAME_example_dt[t]);
        for (let i = 0; i < $OUTPUTS; i++) {
            const difference = Math.abs(outputs[i] - NAME_expected[$OUTPUTS * t + i]) / NAME_allowed[i];
            if (!(difference <= largest))
                largest = NAME_finite(difference) ? difference : LARGEST;
        }
    }
    return largest;
}
"""
CONSTANTS = """
/* The time constant of each neuron in a state, in the unit of dt, while it hears these inputs. */
export function timeConstants(before, inputs) {
    const state = NAME_copy(before), u = NAME_read(state, inputs, 0.0);
    const sensed = new Float64Array($sensed), drive = new Float64Array($units), rate = new Float64Array($units);
    NAME_${place}_sense(u, sensed);
    NAME_${place}_coefficients(state.cell, sensed, drive, rate);
    return rate.map((each) => $time_unit / each);
}
"""


def said(deployed: Deployed) -> JavaScript:
    """Constants and functions of a model.

    Raises:
        ValueError: what cannot be said in JavaScript, with the reason.
    """
    step.check(deployed, JavaScript.language)
    program = JavaScript("", deployed.dtype, emit)
    emit(program, "cell", deployed.cell, stored(deployed.model.params, deployed.dtype))
    _add_step(program, deployed)
    return program


def source(program: JavaScript, deployed: Deployed, file: str, given: Readings, wanted: np.ndarray) -> str:
    """The text of the module.

    Args:
        program: what `said` makes of the model.
        deployed: the model.
        file: its own name, for the comment.
        given, wanted: readings and what the model answers, of which its own test is made.
    """
    preparation = deployed.model.preparation
    dt = "dt is the time since the step before, in the unit of the times of the data."
    if preparation is not None:
        dt += f" A unit of the time constants of the network is {preparation.time_unit:g} of it."
    about = [repr(deployed.cell), dt, *_typical(deployed)]
    constants = "\n * timeConstants(state, inputs) are those of its neurons, which are liquid."
    return FILE.format(
        version=version("liquidjax"),
        what="\n *\n".join(paragraph(text).replace("<", "< ") for text in about),
        file=comment(file),
        missing="" if preparation is None else ", NaN where one was not observed",
        constants=constants if _place_of_coefficients(program) else "",
        inputs=", ".join(map(literal, deployed.features)),
        outputs=", ".join(map(literal, deployed.answers)),
        kind=deployed.kind + (" of the mean of all steps so far" if deployed.means else ""),
        first_dt=program.number(deployed.first_dt),
        program="\n\n".join([program.text(), *_selftest(program, deployed, given, wanted).parts]),
    )


def _add_step(program: JavaScript, deployed: Deployed) -> None:
    """Adds what is exported but for the test."""
    preparation, fields = deployed.model.preparation, step.state_fields(deployed)
    arrays = {name: size for name, (size, _) in fields.items() if size}
    numbers = [name for name in fields if name not in arrays]
    checks = [f"copy.{name}.length !== {size}" for name, size in arrays.items()]
    checks += [f'typeof copy.{name} !== "number"' for name in numbers]
    unit = "1.0" if preparation is None else step.positive(program, "time_unit", preparation.time_unit)
    inputs = str(len(deployed.features))
    program.add(
        STEP,
        initial=_entries({**{n: f"new Float64Array({s})" for n, s in arrays.items()}, **dict.fromkeys(numbers, "0")}),
        copied=_entries({**{n: f"Float64Array.from(state.{n})" for n in arrays}, **{n: f"state.{n}" for n in numbers}}),
        wrong=" || ".join(checks),
        begin="" if unit == "1.0" else f"    dt /= {unit};\n",
        read=deployed.cell.inputs,
        answered=deployed.cell.outputs,
        INPUTS=inputs,
        OUTPUTS=step.outputs(deployed),
        scaled="inputs[i]" if preparation is None else step.scaled(program, preparation),
        unless_missing="" if preparation is None else " && !NAME_missing(inputs[i])",
        prepare=step.prepare(deployed, inputs),
        answer=step.answer(program, deployed, str(step.outputs(deployed))),
    )
    place = _place_of_coefficients(program)
    if place is not None:
        units = next(size for size, _ in fields.values())
        program.add(CONSTANTS, place=place, units=units, sensed=program.sensed[place], time_unit=unit)


def _place_of_coefficients(program: JavaScript) -> str | None:
    """Where the equation is, if the model is one, or readouts of one, whose state is all of the state."""
    place = "cell"
    while place not in program.sensed and any(f"_{place}_readout(output, y);" in part for part in program.parts):
        place += "_cell"
    return place if place in program.sensed else None


def _selftest(program: JavaScript, deployed: Deployed, given: Readings, wanted: np.ndarray) -> JavaScript:
    steps = min(EXAMPLE, len(given.dt))
    tested = JavaScript("", program.dtype, emit, shared=dict(program.shared))  # which has all that it calls
    tested.numbers("example", given.features[:steps, 0], gaps=True)
    tested.numbers("example_dt", given.dt[:steps, 0])
    tested.numbers("expected", wanted[:steps, 0])
    allowed = TOLERANCE[deployed.dtype] * unit(deployed, wanted)
    tested.numbers("allowed", np.broadcast_to(allowed, wanted.shape[2:]))
    tested.add(SELFTEST, steps=steps, INPUTS=len(deployed.features), OUTPUTS=wanted.shape[-1])
    return tested


def _typical(deployed: Deployed) -> list[str]:
    """What each feature was like in training, unless there are very many."""
    preparation = deployed.model.preparation
    if preparation is None or len(deployed.features) > MOST_NAMED:
        return []
    moments = zip(deployed.features, preparation.mean, preparation.spread, strict=True)
    return ["In training: " + ", ".join(f"{name} {mean:.4g} +- {spread:.4g}" for name, mean, spread in moments) + "."]


def _entries(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())
