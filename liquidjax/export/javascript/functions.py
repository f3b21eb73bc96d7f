"""The functions that cells share, in JavaScript: those of C, but for what goes through memory by pointers there."""

from liquidjax.export.c.functions import FUNCTIONS as OF_C

FUNCTIONS = OF_C | {
    "affine": """
/* y = W x + b; W has a row for each y. */
function NAME_affine(w, b, x, columns, y, rows) {
    for (let i = 0, at = 0; i < rows; i++) {
        let sum = b[i];
        for (let j = 0; j < columns; j++)
            sum += w[at++] * x[j];
        y[i] = sum;
    }
}
""",
    "sparse": """
/* y = W x + b with only the weights that there are: count of them for each y, each with the place of its x. */
function NAME_sparse(w, b, count, source, x, y, rows) {
    for (let i = 0, at = 0; i < rows; i++) {
        let sum = b[i];
        for (let left = count[i]; left > 0; left--, at++)
            sum += w[at] * x[source[at]];
        y[i] = sum;
    }
}
""",
    "synapses": """
/* Adds to each neuron the sums over its synapses of g E and g, with g = w (1 + tanh(s v - m)) / 2 of the potential v
 * where it comes from. A synapse has four numbers, s, m, w / 2 and w E / 2; count says how many a neuron has. */
function NAME_synapses(synapse, count, source, v, current, conductance, units) {
    for (let i = 0, at = 0; i < units; i++) {
        let of_current = 0.0, of_conductance = 0.0;
        for (let left = count[i]; left > 0; left--, at++) {
            const gate = 1.0 + Math.tanh(synapse[4 * at] * v[source[at]] - synapse[4 * at + 1]);
            of_conductance += synapse[4 * at + 2] * gate;
            of_current += synapse[4 * at + 3] * gate;
        }
        current[i] += of_current;
        conductance[i] += of_conductance;
    }
}
""",
    "gelu": """
function NAME_gelu(x) {
    return 0.5 * x * NAME_erfc(-x * 0.70710678118654752);
}
""",
    "erfc": """
/* JavaScript has none: the series of erf near 0, and a continued fraction beyond. */
function NAME_erfc(x) {
    const size = Math.abs(x), share = Math.exp(-x * x) / Math.sqrt(Math.PI);
    let rest = size;
    if (size < 2.5) {
        let term = 2.0 * x, sum = term;
        for (let n = 1; n < 80; n++)
            sum += term *= 2.0 * x * x / (2 * n + 1);
        return 1.0 - share * sum;
    }
    for (let n = 60; n > 0; n--)
        rest = size + 0.5 * n / rest;
    return x > 0.0 ? share / rest : 2.0 - share / rest;
}
""",
}
