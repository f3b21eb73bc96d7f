"""The whole C file: what it says of itself, its declarations, constants, functions and a test of its own."""

from dataclasses import replace
from importlib.metadata import version

import jax
import numpy as np

from liquidjax._types import Params
from liquidjax.export.c import step
from liquidjax.export.c.cells.table import emit
from liquidjax.export.c.program import Program
from liquidjax.export.c.words import comment, literal, paragraph, shortened
from liquidjax.export.comparison import TOLERANCE, Readings, unit
from liquidjax.export.deployed import Deployed

EXAMPLE = 8
"""Steps of the test in the file."""
MOST_NAMED = 200
"""Inputs or outputs in the comment at the top; the arrays of their names have all of them."""

FILE = """\
/* A recurrent network that reads one step after another. Written by liquidjax {version}; not to be edited.
 *
{what}
 *
{use}
 *
 * {name}_step returns 0, or 1 where dt is below 0, NaN or infinite, or 2 where an input is not finite{missing}.
 * Where it does not return 0, state and outputs are what they were. inputs and outputs may be one array.
 *
 * C99 or C++, with no library but that of C; nothing is allocated, and nothing is global but constants. Compile this
 * file with the others, without -ffast-math. In a file that calls it:
 *
 *     #define {NAME}_DECLARATIONS
 *     #include "{file}"
 *
 * Its own test, which tells the largest difference from liquidjax: cc -D{NAME}_SELFTEST {file} -lm && ./a.out
 * Where there is no printf, -D{NAME}_SELFTEST -D{NAME}_NO_MAIN leaves {name}_selftest(), which answers 1 or less where
 * all is well.
 *
 * inputs:
{inputs}
 *
 * outputs{kind}:
{outputs}
 */
#ifndef {NAME}_DECLARED
#define {NAME}_DECLARED

#define {NAME}_INPUTS {n_inputs}
#define {NAME}_OUTPUTS {n_outputs}
#define {NAME}_FIRST_DT {first_dt}

#ifdef __cplusplus
extern "C" {{
#endif

typedef {c_type} {name}_real;

typedef struct {{
{state}
}} {name}_state;

void {name}_reset({name}_state *state);
int {name}_step({name}_state *state, const {name}_real inputs[{NAME}_INPUTS], {name}_real dt,
                {name}_real outputs[{NAME}_OUTPUTS]);
extern const char *const {name}_input_names[{NAME}_INPUTS];
extern const char *const {name}_output_names[{NAME}_OUTPUTS];
#ifdef {NAME}_SELFTEST
{name}_real {name}_selftest(void);
#endif

#ifdef __cplusplus
}}
#endif
#endif

#if !defined({NAME}_DECLARATIONS) && !defined({NAME}_DEFINED)
#define {NAME}_DEFINED

#include <float.h>
#include <math.h>
#include <string.h>

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "{name}: compile without -ffast-math, which takes NaN and infinity for impossible"
#endif

#ifdef __cplusplus
extern "C" {{
#endif

const char *const {name}_input_names[{NAME}_INPUTS] = {{
{input_names}
}};

const char *const {name}_output_names[{NAME}_OUTPUTS] = {{
{output_names}
}};

{program}

#ifdef {NAME}_SELFTEST
{selftest}
#endif

#ifdef __cplusplus
}}
#endif

#if defined({NAME}_SELFTEST) && !defined({NAME}_NO_MAIN)
#include <stdio.h>
int main(void)
{{
    const double largest = (double){name}_selftest();
    printf("{name}: the largest difference from liquidjax is %g of what is allowed\\n", largest);
    return largest <= 1.0 ? 0 : 1;
}}
#endif
#endif
"""
SELFTEST = """
/* The largest difference from what liquidjax answers in these steps, 1 where it is as large as is allowed. */
REAL NAME_selftest(void)
{
    NAME_state state;
    REAL outputs[$OUTPUTS], largest = 0.0;
    NAME_reset(&state);
    for (int t = 0; t < $steps; t++) {
        if (NAME_step(&state, NAME_example + t * $INPUTS, NAME_example_dt[t], outputs) != 0)
            return LARGEST;
        for (int i = 0; i < $OUTPUTS; i++) {
            const REAL difference = fabs(outputs[i] - NAME_expected[t * $OUTPUTS + i]) / NAME_allowed[i];
            if (!(difference <= largest))
                largest = NAME_finite(difference) ? difference : LARGEST;
        }
    }
    return largest;
}
"""


def said(deployed: Deployed, name: str) -> Program:
    """Constants and functions of a model.

    Args:
        deployed: the model.
        name: what every name in C begins with.

    Raises:
        ValueError: what cannot be said in C, with the reason.
    """
    step.check(deployed)
    program = Program(name, deployed.dtype, emit)
    emit(program, "cell", deployed.cell, stored(deployed.model.params, deployed.dtype))
    step.add_step(program, deployed)
    return program


def source(program: Program, deployed: Deployed, file: str, given: Readings, wanted: np.ndarray) -> str:
    """The text of the file.

    Args:
        program: what `said` makes of the model.
        deployed: the model.
        file: its own name, for the comment.
        given, wanted: readings and what the model answers, of which the test in the file is made.
    """
    preparation, name = deployed.model.preparation, program.name
    dt = "dt is the time since the step before, in the unit of the times of the data."
    if preparation is not None:
        dt += f" A unit of the time constants of the network is {preparation.time_unit:g} of it."
    kind = "" if deployed.kind == "outputs" else f", {deployed.kind}"
    missing = "" if preparation is None else "; NaN says that it was not observed"
    return FILE.format(
        version=version("liquidjax"),
        name=name,
        NAME=name.upper(),
        file=comment(file),
        what="\n *\n".join(paragraph(text) for text in (repr(deployed.cell), dt)),
        use=_use(name),
        missing=missing,
        inputs=_listed(deployed.features, _typical(deployed)),
        outputs=_listed(deployed.answers, [""] * len(deployed.answers)),
        kind=kind + (", of the mean of all steps so far" if deployed.means else ""),
        n_inputs=len(deployed.features),
        n_outputs=len(deployed.answers),
        first_dt=program.number(np.dtype(deployed.dtype).type(deployed.first_dt)),
        c_type={"float32": "float", "float64": "double"}[deployed.dtype],
        state="\n".join(_field(program, field, *each) for field, each in step.state_fields(deployed).items()),
        input_names=",\n".join(f"    {literal(each)}" for each in deployed.features),
        output_names=",\n".join(f"    {literal(each)}" for each in deployed.answers),
        program=program.text(),
        selftest=_selftest(program, deployed, given, wanted),
    )


def stored(params: Params, dtype: str) -> Params:
    """Parameters as they are in the dtype, in float64, so that what is made of them is rounded once."""
    with np.errstate(over="ignore"):
        return jax.tree.map(lambda leaf: np.asarray(leaf, dtype).astype(float), params)


def _selftest(program: Program, deployed: Deployed, given: Readings, wanted: np.ndarray) -> str:
    steps, name = min(EXAMPLE, len(given.dt)), program.name.upper()
    tested = replace(program, parts=[], shared=dict(program.shared))  # which has all that it calls
    tested.numbers("example", given.features[:steps, 0], gaps=True)
    tested.numbers("example_dt", given.dt[:steps, 0])
    tested.numbers("expected", wanted[:steps, 0])
    allowed = TOLERANCE[deployed.dtype] * unit(deployed, wanted)
    tested.numbers("allowed", np.broadcast_to(allowed, wanted.shape[2:]))
    tested.add(SELFTEST, steps=steps, INPUTS=f"{name}_INPUTS", OUTPUTS=f"{name}_OUTPUTS")
    return "\n\n".join(tested.parts)


def _use(name: str) -> str:
    """How it is called, as a comment."""
    upper = name.upper()
    lines = (
        (f"{name}_state state;", "one for each series"),
        (f"{name}_real inputs[{upper}_INPUTS], outputs[{upper}_OUTPUTS];", ""),
        (f"{name}_reset(&state);", "before its first step"),
        (f"{name}_step(&state, inputs, {upper}_FIRST_DT, outputs);", "what passed before it nobody knows"),
        (f"{name}_step(&state, inputs, dt, outputs);", "and so on, as the readings come"),
    )
    width = max(len(line) for line, said in lines if said)
    return "\n".join(f" *     {line:<{width}}   {said}".rstrip() for line, said in lines)


def _typical(deployed: Deployed) -> list[str]:
    """What each feature was like in training."""
    preparation = deployed.model.preparation
    if preparation is None:
        return [""] * len(deployed.features)
    moments = zip(preparation.mean, preparation.spread, strict=True)
    return [f"; {mean:.4g} +- {spread:.4g} in training" for mean, spread in moments]


def _listed(names: tuple[str, ...], more: list[str]) -> str:
    """A line of a comment for each, but for those of very many."""
    lines = [f" *     [{i}] {shortened(name)}{what}" for i, (name, what) in enumerate(zip(names, more, strict=True))]
    return "\n".join(lines if len(lines) <= MOST_NAMED else [*lines[:MOST_NAMED], " *     ..."])


def _field(program: Program, name: str, size: int, meaning: str) -> str:
    declared = f"    {program.name}_real {name}{f'[{size}]' if size else ''};"
    return f"{declared:<40} /* {meaning} */"
