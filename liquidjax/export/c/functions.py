"""The functions of C that cells share; a file has those that it uses."""

FUNCTIONS = {
    "missing": """
/* Whether it is NaN. */
static int NAME_missing(REAL x)
{
    return !(x <= 0.0 || x >= 0.0);
}
""",
    "finite": """
static int NAME_finite(REAL x)
{
    return x >= -LARGEST && x <= LARGEST;
}
""",
    "sigmoid": """
/* Where exp(-x) is infinite, it is 0. */
static REAL NAME_sigmoid(REAL x)
{
    return 1.0 / (1.0 + exp(-x));
}
""",
    "softplus": """
/* log(1 + exp(x)), without its overflow. */
static REAL NAME_softplus(REAL x)
{
    return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)));
}
""",
    "lecun_tanh": """
static REAL NAME_lecun_tanh(REAL x)
{
    return 1.7159 * tanh(0.666 * x);
}
""",
    "tanh": """
static REAL NAME_tanh(REAL x)
{
    return tanh(x);
}
""",
    "relu": """
static REAL NAME_relu(REAL x)
{
    return x < 0.0 ? 0.0 : x;
}
""",
    "silu": """
static REAL NAME_silu(REAL x)
{
    return x * NAME_sigmoid(x);
}
""",
    "gelu": """
static REAL NAME_gelu(REAL x)
{
    return 0.5 * x * erfc(-x * 0.70710678118654752);
}
""",
    "mish": """
static REAL NAME_mish(REAL x)
{
    return x * tanh(NAME_softplus(x));
}
""",
    "affine": """
/* y = W x + b; W has a row for each y. */
static void NAME_affine(const REAL *w, const REAL *b, const REAL *x, int columns, REAL *y, int rows)
{
    for (int i = 0; i < rows; i++) {
        REAL sum = b[i];
        for (int j = 0; j < columns; j++)
            sum += *w++ * x[j];
        y[i] = sum;
    }
}
""",
    "sparse": """
/* y = W x + b with only the weights that there are: count of them for each y, each with the place of its x. */
static void NAME_sparse(const REAL *w, const REAL *b, const NAME_index *count, const NAME_index *source,
                        const REAL *x, REAL *y, int rows)
{
    for (int i = 0; i < rows; i++) {
        REAL sum = b[i];
        for (int left = (int)count[i]; left > 0; left--)
            sum += *w++ * x[*source++];
        y[i] = sum;
    }
}
""",
    "synapses": """
/* Adds to each neuron the sums over its synapses of g E and g, with g = w (1 + tanh(s v - m)) / 2 of the potential v
 * where it comes from. A synapse has four numbers, s, m, w / 2 and w E / 2; count says how many a neuron has. */
static void NAME_synapses(const REAL *synapse, const NAME_index *count, const NAME_index *source,
                          const REAL *v, REAL *current, REAL *conductance, int units)
{
    for (int i = 0; i < units; i++) {
        REAL of_current = 0.0, of_conductance = 0.0;
        for (int left = (int)count[i]; left > 0; left--) {
            const REAL gate = 1.0 + tanh(synapse[0] * v[*source++] - synapse[1]);
            of_conductance += synapse[2] * gate;
            of_current += synapse[3] * gate;
            synapse += 4;
        }
        current[i] += of_current;
        conductance[i] += of_conductance;
    }
}
""",
    "cfc_default": """
static REAL NAME_cfc_default(REAL ff1, REAL ff2, REAL time_a, REAL time_b, REAL dt)
{
    const REAL gate = NAME_sigmoid(time_a * dt + time_b);
    return tanh(ff1) * (1.0 - gate) + gate * tanh(ff2);
}
""",
    "cfc_no_gate": """
static REAL NAME_cfc_no_gate(REAL ff1, REAL ff2, REAL time_a, REAL time_b, REAL dt)
{
    return tanh(ff1) + NAME_sigmoid(time_a * dt + time_b) * tanh(ff2);
}
""",
    "cfc_pure": """
/* w_tau is its magnitude already. */
static REAL NAME_cfc_pure(REAL ff1, REAL w_tau, REAL a, REAL dt)
{
    return a - a * exp(-dt * (w_tau + fabs(ff1))) * ff1;
}
""",
    "layer_norm": """
/* y = scale (x - mean) / sqrt(variance + 1e-5) + bias. */
static void NAME_layer_norm(const REAL *scale, const REAL *bias, const REAL *x, REAL *y, int features)
{
    REAL mean = 0.0, variance = 0.0;
    for (int i = 0; i < features; i++)
        mean += x[i];
    mean /= (REAL)features;
    for (int i = 0; i < features; i++)
        variance += (x[i] - mean) * (x[i] - mean);
    variance /= (REAL)features;
    for (int i = 0; i < features; i++)
        y[i] = (x[i] - mean) / sqrt(variance + 0.00001) * scale[i] + bias[i];
}
""",
}
