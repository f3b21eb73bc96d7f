/* A recurrent network that reads one step after another. Written by liquidjax 0.1.0; not to be edited.
 *
 * Readout(cell=LTC(inputs=2, wiring=AutoNCP(units=19, outputs=1, sparsity=0.5, seed=22222),
 * integrator=SemiImplicit(unfolds=6), input_mapping='affine', output_mapping='affine',
 * constraints='implicit', epsilon=1e-08, initial_ranges=InitialRanges(leak_conductance=(0.001, 1.0),
 * leak_potential=(-0.2, 0.2), capacitance=(0.4, 0.6), weight=(0.001, 1.0), steepness=(3.0, 8.0),
 * midpoint=(0.3, 0.8), sensory_weight=(0.001, 1.0), sensory_steepness=(3.0, 8.0), sensory_midpoint=(0.3,
 * 0.8), reversal_potential=1.0, sensory_reversal_potential=1.0)), outputs=1)
 *
 * dt is the time since the step before, in the unit of the times of the data. A unit of the time constants of
 * the network is 0.04 of it.
 *
 * In training: position 0.01405 +- 0.1537, angle -0.0002912 +- 0.03016.
 *
 *     import {init, step, names, firstDt} from "./ltc.js";
 *     let state = init(), outputs; // one state for each series
 *     [state, outputs] = step(state, inputs, firstDt); // what passed before the first step nobody knows
 *     [state, outputs] = step(state, inputs, dt); // and so on, as the readings come
 *
 * A state is never changed: step gives another one. inputs are numbers in an array of any kind, NaN where one was not observed;
 * outputs are a Float64Array. Everything is computed in double, with no other module. A RangeError or TypeError says
 * what cannot be. selftest() tells the largest difference from liquidjax, 1 where it is as large as allowed.
 * timeConstants(state, inputs) are those of its neurons, which are liquid.
 */

export const names = Object.freeze({
    inputs: Object.freeze(["position", "angle"]),
    outputs: Object.freeze(["action 1"]), // values
});
export const firstDt = 0.040000000000000036;

/* Adds to each neuron the sums over its synapses of g E and g, with g = w (1 + tanh(s v - m)) / 2 of the potential v
 * where it comes from. A synapse has four numbers, s, m, w / 2 and w E / 2; count says how many a neuron has. */
function _synapses(synapse, count, source, v, current, conductance, units) {
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

/* y = W x + b; W has a row for each y. */
function _affine(w, b, x, columns, y, rows) {
    for (let i = 0, at = 0; i < rows; i++) {
        let sum = b[i];
        for (let j = 0; j < columns; j++)
            sum += w[at++] * x[j];
        y[i] = sum;
    }
}

function _finite(x) {
    return x >= -Number.MAX_VALUE && x <= Number.MAX_VALUE;
}

/* Whether it is NaN. */
function _missing(x) {
    return !(x <= 0.0 || x >= 0.0);
}

const _cell_cell_at_rest = new Float64Array([
    0.002251948710025981, -0.8202683105206724, -0.01343434272760301, -0.0587991166560014,
    -0.011821913232729395, -0.02901505735419772, 0.022096372850967775, -0.0753235133332396,
    -0.36942590209991655, -0.09343206119748076, -0.3138940597561561, 0.0386618681172385, 0.0501391934841177,
    -0.07216640032612512, 0.35085350220917577, -0.10372733336790517, 0.07165924482041934, 0.07212707554209924,
    -0.008783866503033276, 0.02094859769294999, 0.5811125898031283, 0.17209480093169155, 0.6379626131339255,
    0.2942459754953696, 0.06453820019379196, 0.07434033661184768, 0.6327883698475767, 0.7657195193175397,
    0.634613614413245, 1.1289513535510307, 0.3274558428097592, 0.5603445443247335, 0.38871391052076903,
    0.4973407945238764, 0.13947532946511484, 0.44090034656755983, 0.7659351378710251, 0.030300493519661225,
]);

const _cell_cell_capacitance = new Float64Array([
    0.04604363396148343, 1.460913171185187, 0.06501916542360182, 1.1489380207144415, 0.01967198520436028,
    0.03826420138802049, 0.005087060201223838, 0.06456640392030281, 0.6743036732049138, 0.07096125981052809,
    1.1116040678231203, 0.04477159338374025, 0.032779970537058487, 0.4564202905480888, 0.7686010321462078,
    0.08708598758863867, 0.013131069255830335, 0.01166022607322999, 0.5408363241897023,
]);

const _cell_cell_sensory = new Float64Array([
    1.5297784805297852, 1.3114112267832638, 0.04881627717483165, -0.027298215864347945, 3.122610569000244,
    1.4372656110447082, 0.48010831864992143, 0.602922777974783, 1.3759820461273193, 1.6460763727245364,
    0.059717307498513304, 0.03499687089784593, 3.0098605155944824, 0.5547007595817277, 0.5112847736139609,
    -0.5308423757998357, 1.6106587648391724, 0.6469199114494906, 0.2325331675265233, 0.4026131960929734,
    2.5434367656707764, 0.9663755822722067, 0.0433207621937929, -0.02337621184507221, 2.161897897720337,
    0.8612723076359288, 0.33243038837177624, 0.3869106624375003, 4.189456939697266, 6.797574435767274,
    0.04127352729849058, -0.03147304198860262, 3.2496204376220703, 1.9239787009603333, 0.03259318674456677,
    -0.006288920313015462, 3.3020882606506348, 1.9234283626256854, 0.05143757715763903, 0.041321732314682245,
    2.1666202545166016, 2.0181009099907214, 0.13831759323423676, -0.24236816737751785, 2.9398412704467773,
    1.1260216354804697, 0.6101506495823336, -1.01567489142652, 2.0974502563476562, 1.458948336703088,
    0.2568165934638847, 0.2712903190739192,
]);

const _cell_cell_sensory_count = new Uint32Array([
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 1, 2, 1, 1, 1,
]);

const _cell_cell_sensory_source = new Uint32Array([
    1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0,
]);

const _cell_cell_inner = new Float64Array([
    2.102766275405884, 1.7231098627438826, 0.4040276556531022, 0.37623973925450466, 1.5858383178710938,
    0.42807148920519467, 0.38630576534827216, 0.6907120326817036, 2.318671941757202, 0.8460754975777007,
    0.4095061331252828, -0.9412330789570257, 2.4827871322631836, 1.4501163675671478, 0.0285108210904718,
    0.05923508119670995, 3.422111988067627, 2.0168328678131218, 0.6534250073341, -1.1444446968262902,
    2.8197357654571533, 1.684953372316528, 0.4274476662186086, 0.8995987966560226, 3.405777931213379,
    1.6379779313434426, 0.18477130983216156, -0.32526574150495546, 3.550943374633789, 1.4989088898507816,
    0.2798998892938173, 0.2716335644907715, 3.73648738861084, 0.29614878115189924, 0.3780503118910048,
    -0.6463935798436684, 2.73317289352417, 2.4973549311892214, 0.17911651192794628, -0.11098611001486257,
    2.6782009601593018, 0.15943472293930672, 0.46464230695660674, -0.48838254506653267, 3.698335647583008,
    -0.08908255019328593, 0.6886290508116688, 1.0533705210217688, 2.6525168418884277, 1.2695838760721898,
    0.37037763634121196, -0.34909211313280963, 3.4119043350219727, 0.07314958070944932, 0.3144482431939167,
    -0.2941122297882638, 3.8750832080841064, 2.8348456772617965, 0.17121303702510246, -0.1351653549434257,
    3.38271427154541, 2.0060654799358417, 0.5620554238759093, -1.0126233618855331, 3.277276039123535,
    2.3046505812022247, 0.1635257688554731, -0.17698808326362586, 3.6400187015533447, 0.348538097325779,
    0.5950488912452534, 0.9193454750269427, 2.276642084121704, -0.7255782840072484, 0.24825939634342803,
    0.44376160524500446, 3.436626434326172, 3.130353362659207, 0.18543479342646338, 0.2616848375247324,
    3.9145326614379883, 4.044704304445759, 0.3341626341970546, 0.14173647221554217, 2.453899621963501,
    1.0082292418306906, 0.399520840772174, 0.28300220797015646, 1.8499916791915894, 0.5973169879067086,
    0.501034864581031, 0.5672387648829047, 1.8420488834381104, -0.54122140394594, 0.5464830965242121,
    -0.8541763171356243, 3.5941567420959473, -1.5692071185719243, 1.3486986073051461, 0.6416260376956077,
    3.833538055419922, 3.702426663863662, 0.23326782773927865, -0.15730435971788817, 3.0410842895507812,
    1.8656006201331365, 0.3272805396096603, -0.7083767229682072, 2.346886157989502, 1.0302448592860003,
    0.44196954044608894, 0.9183621559946898, 1.4814027547836304, -0.09112855074718862, 0.03174744404962419,
    -0.038212406006509256, 4.024466514587402, 3.001762878265936, 0.1211416173946301, -0.08204216006704601,
    3.6903069019317627, 1.3039315006958034, 0.4575484241998722, 0.8084779565902045, 3.4230167865753174,
    3.2814501269141942, 0.26436448979828464, -0.16808056431256604, 2.9502522945404053, 4.319947274642857,
    0.25477796874322145, 0.15275719031682805, 1.9131730794906616, 0.5841740686090731, 0.3704271201402426,
    0.404291896736411, 2.639920473098755, 0.9575459294028335, 0.5032997565641067, -0.573419906640797,
    2.7985501289367676, 0.6652549833468058, 0.24292773709348167, 0.2147553457326129, 2.4375040531158447,
    0.8248709279594166, 0.29740145406339175, 0.37233189982785414, 3.4101622104644775, 3.2420810016846957,
    0.3373535337920834, -0.28228972876182173, 3.949944496154785, 3.5362479346409827, 0.18822990830312075,
    -0.2654114121419753, 3.8975324630737305, 2.372423043648837, 0.22680387846331418, -0.31353423046303835,
    2.342866897583008, 1.3215741346123195, 0.2550778258140116, -0.3353403288571118, 3.3049211502075195,
    2.6421441658494587, 0.29101834040876384, 0.18401747639768345, 2.417783737182617, 1.043810467195101,
    0.3743747047797003, -0.6191153630082644, 2.3818674087524414, 0.5026004899293071, 0.3966880476770385,
    0.6896672809142992, 2.4339253902435303, 3.258401089442941, 0.26219384200986123, -0.07172872128303717,
    3.161221742630005, -0.8970435793855813, 0.16223446591843263, 0.3694233427352295,
]);

const _cell_cell_inner_count = new Uint32Array([
    7, 2, 5, 6, 4, 9, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

const _cell_cell_inner_source = new Uint32Array([
    1, 2, 3, 4, 5, 6, 7, 8, 11, 10, 11, 12, 13, 18, 1, 5, 10, 15, 16, 18, 8, 9, 14, 17, 1, 8, 12, 13, 14, 15,
    16, 17, 18, 4, 5, 9, 14, 15, 5, 9, 10, 11, 12, 13, 16, 17,
]);

const _cell_cell_input_weight = new Float64Array([
    0.18970981240272522, 0.1729060560464859,
]);

const _cell_cell_input_bias = new Float64Array([
    -0.07402566075325012, 0.24898315966129303,
]);

/* LTC: capacitance dx/dt = leak (E_leak - x) + the sum over synapses of g (E - x). Sensed are the currents, and behind
 * them the conductances, of leak and sensory synapses. */
function _cell_cell_sense(u, sensed) {
    const v = new Float64Array(2);
    for (let i = 0; i < 2; i++)
        v[i] = u[i] * _cell_cell_input_weight[i] + _cell_cell_input_bias[i];
    sensed.set(_cell_cell_at_rest);
    _synapses(_cell_cell_sensory, _cell_cell_sensory_count, _cell_cell_sensory_source, v,
                  sensed, sensed.subarray(19), 19);
}

function _cell_cell_coefficients(x, sensed, drive, rate) {
    drive.set(sensed.subarray(0, 19));
    rate.set(sensed.subarray(19).subarray(0, 19));
    _synapses(_cell_cell_inner, _cell_cell_inner_count, _cell_cell_inner_source, x, drive, rate, 19);
    for (let i = 0; i < 19; i++) {
        drive[i] /= _cell_cell_capacitance[i];
        rate[i] /= _cell_cell_capacitance[i];
    }
}

const _cell_cell_output_weight = new Float64Array([
    3.0915114879608154,
]);

const _cell_cell_output_bias = new Float64Array([
    -0.35195085406303406,
]);

/* SemiImplicit: x = (x + h drive) / (1 + h rate); above h = 1 divided by h, so that neither part overflows. */
function _cell_cell_advance(x, sensed, dt) {
    const drive = new Float64Array(19), rate = new Float64Array(19);
    const h = dt / 6.0;
    const share = h > 1.0 ? 1.0 / h : 1.0, step = h > 1.0 ? 1.0 : h;
    for (let unfold = 0; unfold < 6; unfold++) {
        _cell_cell_coefficients(x, sensed, drive, rate);
        for (let i = 0; i < 19; i++)
            x[i] = (share * x[i] + step * drive[i]) / (share + step * rate[i]);
    }
}

function _cell_cell(x, u, dt, y) {
    const sensed = new Float64Array(38);
    _cell_cell_sense(u, sensed);
    _cell_cell_advance(x, sensed, dt);
    for (let i = 0; i < 1; i++)
        y[i] = x[i] * _cell_cell_output_weight[i] + _cell_cell_output_bias[i];
}

const _cell_readout_w = new Float64Array([
    2.613213300704956,
]);

const _cell_readout_b = new Float64Array([
    0.5432026982307434,
]);

function _cell_readout(x, y) {
    _affine(_cell_readout_w, _cell_readout_b, x, 1, y, 1);
}

/* A linear readout. */
function _cell(state, u, dt, y) {
    const output = new Float64Array(1);
    _cell_cell(state, u, dt, output);
    _cell_readout(output, y);
}

const _mean = new Float64Array([
    0.014053452987357091, -0.00029117322837890925,
]);

const _spread = new Float64Array([
    0.15372779974002493, 0.030159661148974042,
]);

const _answer_mean = new Float64Array([
    -0.0017888199753360824,
]);

const _answer_spread = new Float64Array([
    1.4252571771066325,
]);

/* The state before the first step of a series. */
export function init() {
    return {cell: new Float64Array(19), filled: new Float64Array(2)};
}

/* One step: [the state after it, outputs]. dt is the time since the step before. */
export function step(before, inputs, dt) {
    if (typeof dt !== "number" || !(dt >= 0.0 && dt <= Number.MAX_VALUE))
        throw new RangeError("dt must be a finite number from 0 on, got " + String(dt));
    const state = _copy(before), outputs = new Float64Array(1), y = new Float64Array(1);
    dt /= 0.040000000000000036;
    const u = _read(state, inputs, dt);
    _cell(state.cell, u, dt, y);
    for (let i = 0; i < 1; i++)
        outputs[i] = y[i] * _answer_spread[i] + _answer_mean[i];
    return [state, outputs];
}

/* What the cell reads; what is kept of it goes into the state. */
function _read(state, inputs, dt) {
    const u = new Float64Array(2);
    if (inputs.length !== 2)
        throw new RangeError("inputs must be 2 numbers, got " + String(inputs.length));
    for (let i = 0; i < 2; i++) {
        if (typeof inputs[i] !== "number")
            throw new TypeError("inputs must be numbers, got " + typeof inputs[i] + " for " + names.inputs[i]);
        u[i] = (inputs[i] - _mean[i]) / _spread[i];
        if (!_finite(u[i]) && !_missing(inputs[i]))
            throw new RangeError("inputs must be finite, got " + String(inputs[i]) + " for " + names.inputs[i]);
    }
    for (let i = 0; i < 2; i++) {
        const observed = !_missing(inputs[i]);
        if (observed)
            state.filled[i] = u[i];
        u[i] = state.filled[i];
    }
    return u;
}

function _copy(state) {
    const copy = {cell: Float64Array.from(state.cell), filled: Float64Array.from(state.filled)};
    if (copy.cell.length !== 19 || copy.filled.length !== 2)
        throw new RangeError("state must be one of this network, as init or step gave it");
    return copy;
}

/* The time constant of each neuron in a state, in the unit of dt, while it hears these inputs. */
export function timeConstants(before, inputs) {
    const state = _copy(before), u = _read(state, inputs, 0.0);
    const sensed = new Float64Array(38), drive = new Float64Array(19), rate = new Float64Array(19);
    _cell_cell_sense(u, sensed);
    _cell_cell_coefficients(state.cell, sensed, drive, rate);
    return rate.map((each) => 0.040000000000000036 / each);
}

const _example = new Float64Array([
    0.03338168188929558, -0.004275411367416382, 0.21451450884342194, 0.028272468596696854,
    -0.34336841106414795, -0.0068898554891347885, 0.0773325115442276, 0.03115067631006241,
    0.15294194221496582, 0.0025442058686167, NaN, -0.00659983791410923, -0.08645818382501602,
    -0.004200276453047991, 0.22095191478729248, 0.023272912949323654,
]);

const _example_dt = new Float64Array([
    0.03999999910593033, 0.007135795895010233, 0.07889483124017715, 0.002789146266877651, 0.03953980654478073,
    0.32515016198158264, 0.04138551652431488, 0.017984624952077866,
]);

const _expected = new Float64Array([
    0.17021912114194385, 4.155924396436203, -3.7467076374625337, -0.7125314162667796, 1.0077866393771107,
    0.5851596975569204, -0.9677031488679334, 8.10645194805151,
]);

const _allowed = new Float64Array([
    1.4252571771066325e-06,
]);

export function selftest() {
    let state = init(), outputs, largest = 0.0;
    for (let t = 0; t < 8; t++) {
        [state, outputs] = step(state, _example.subarray(2 * t, 2 * t + 2), _example_dt[t]);
        for (let i = 0; i < 1; i++) {
            const difference = Math.abs(outputs[i] - _expected[1 * t + i]) / _allowed[i];
            if (!(difference <= largest))
                largest = _finite(difference) ? difference : Number.MAX_VALUE;
        }
    }
    return largest;
}
