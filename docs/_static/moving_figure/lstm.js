/* A recurrent network that reads one step after another. Written by liquidjax 0.1.0; not to be edited.
 *
 * Readout(cell=WithTime(cell=LSTM(inputs=3, units=7, forget_bias=1.0), reads='log', typical_dt=1.0),
 * outputs=1)
 *
 * dt is the time since the step before, in the unit of the times of the data. A unit of the time constants of
 * the network is 0.04 of it.
 *
 * In training: position 0.01405 +- 0.1537, angle -0.0002912 +- 0.03016.
 *
 *     import {init, step, names, firstDt} from "./lstm.js";
 *     let state = init(), outputs; // one state for each series
 *     [state, outputs] = step(state, inputs, firstDt); // what passed before the first step nobody knows
 *     [state, outputs] = step(state, inputs, dt); // and so on, as the readings come
 *
 * A state is never changed: step gives another one. inputs are numbers in an array of any kind, NaN where one was not observed;
 * outputs are a Float64Array. Everything is computed in double, with no other module. A RangeError or TypeError says
 * what cannot be. selftest() tells the largest difference from liquidjax, 1 where it is as large as allowed.
 */

export const names = Object.freeze({
    inputs: Object.freeze(["position", "angle"]),
    outputs: Object.freeze(["action 1"]), // values
});
export const firstDt = 0.040000000000000036;

/* y = W x + b; W has a row for each y. */
function _affine(w, b, x, columns, y, rows) {
    for (let i = 0, at = 0; i < rows; i++) {
        let sum = b[i];
        for (let j = 0; j < columns; j++)
            sum += w[at++] * x[j];
        y[i] = sum;
    }
}

/* Where exp(-x) is infinite, it is 0. */
function _sigmoid(x) {
    return 1.0 / (1.0 + Math.exp(-x));
}

function _finite(x) {
    return x >= -Number.MAX_VALUE && x <= Number.MAX_VALUE;
}

/* Whether it is NaN. */
function _missing(x) {
    return !(x <= 0.0 || x >= 0.0);
}

const _cell_cell_cell_inputs_w = new Float64Array([
    0.8155858516693115, 0.3456072211265564, -0.22341571748256683, 0.28865858912467957, 0.8490664958953857,
    0.01429443433880806, 0.3456748425960541, 0.12046484649181366, -1.0436735153198242, -0.9513525366783142,
    -0.18814145028591156, 0.9778443574905396, 0.27442285418510437, 0.458648681640625, -2.1774940490722656,
    -0.18131692707538605, 0.32719194889068604, 1.1158218383789062, -1.9021447896957397, 0.4595114588737488,
    0.4035017192363739, -0.2047702968120575, -0.4759233891963959, -0.016969555988907814, 0.6703976392745972,
    1.1409128904342651, -1.3893704414367676, -1.001262903213501, -0.1492321789264679, -1.2075461149215698,
    -0.31993597745895386, -0.7189809679985046, -1.1307101249694824, -0.2968261241912842, -0.26718586683273315,
    -0.26028233766555786, 0.553068995475769, 1.4689711332321167, -1.5068014860153198, -1.0425117015838623,
    -0.8494195938110352, 0.12815260887145996, -0.8272172808647156, -0.28636619448661804, -1.2943425178527832,
    0.5163180828094482, 1.3861943483352661, 0.887418270111084, -1.1569838523864746, -1.041939377784729,
    -0.7614057660102844, -1.1309280395507812, -0.8262320160865784, 2.1597681045532227, -0.33734822273254395,
    0.2037411779165268, 1.7326534986495972, -0.8042147159576416, -1.4012306928634644, -2.0997066497802734,
    0.5954568982124329, 1.3068397045135498, -0.48797887563705444, -0.13415607810020447, 0.25468969345092773,
    1.9300804138183594, 0.2740733027458191, 0.5949016809463501, 2.486119508743286, 0.06882046163082123,
    0.8390322327613831, 0.14522023499011993, -0.39252445101737976, -0.8959915041923523, 1.0647660493850708,
    0.6339606642723083, 1.143853783607483, -0.2077246606349945, 0.2805960774421692, 0.5584244728088379,
    0.7708772420883179, -0.8615158200263977, -0.33984246850013733, -1.234847068786621,
]);

const _cell_cell_cell_inputs_b = new Float64Array([
    -0.5176714062690735, -0.31107762455940247, -1.8527809381484985, 1.0288740396499634, -1.6162174940109253,
    1.6912481784820557, -0.2864287495613098, 0.5480788350105286, -0.7425508499145508, -1.1660841703414917,
    -0.9167207479476929, -0.037671998143196106, -1.9605307579040527, 0.35425764322280884, -1.3421823978424072,
    1.1901260614395142, -0.7066351175308228, 1.6593163013458252, 0.6864741444587708, -2.06512713432312,
    -1.6410611867904663, 1.7905077934265137, 1.7416521310806274, -0.34539127349853516, 1.3357911109924316,
    -0.16560488939285278, 0.5824897885322571, -0.8891587257385254,
]);

function _cell_cell_cell_inputs(x, y) {
    _affine(_cell_cell_cell_inputs_w, _cell_cell_cell_inputs_b, x, 3, y, 28);
}

const _cell_cell_cell_recurrent_w = new Float64Array([
    2.491462469100952, -0.46249455213546753, -2.9480812549591064, -2.1598291397094727, -0.6103250980377197,
    1.263567566871643, -0.5344566702842712, -1.1380990743637085, -0.16973210871219635, -0.3183742165565491,
    -0.21393263339996338, -0.6477351784706116, 0.3378298282623291, -1.051440954208374, -1.6898757219314575,
    -0.17399272322654724, -0.7197264432907104, 3.3063313961029053, 6.0083417892456055, -0.2580089271068573,
    -2.3103928565979004, -0.8150787353515625, 1.7626622915267944, 0.6508845090866089, 2.584059953689575,
    2.8930256366729736, -2.4729108810424805, -1.6989734172821045, -0.23918357491493225, -1.0315124988555908,
    0.3950769305229187, 2.530484437942505, -1.95820152759552, -0.07377351820468903, -2.679084300994873,
    -1.2887582778930664, 0.1223793625831604, 0.21930457651615143, 0.7724249362945557, 0.22864621877670288,
    -0.07821469008922577, -0.24555131793022156, 0.41233348846435547, -3.0217204093933105, 2.556290864944458,
    0.32353970408439636, -1.2957403659820557, 0.47088539600372314, -2.3696811199188232, -0.27120283246040344,
    1.682637095451355, -3.9341700077056885, 0.5749047994613647, 0.6162654161453247, -0.15510614216327667,
    0.09267619252204895, -0.6542723178863525, -1.4025906324386597, -0.334149569272995, 0.021988844498991966,
    -1.6809121370315552, 0.9325706362724304, 0.9957439303398132, 0.9757602214813232, -1.9569649696350098,
    0.43326663970947266, -1.78323495388031, -1.4284013509750366, 1.1144874095916748, 1.2345777750015259,
    1.5451844930648804, 0.13420899212360382, 0.502575159072876, -1.0518078804016113, 0.3902972936630249,
    0.1998009979724884, 0.18879958987236023, -0.07038652151823044, 0.9138335585594177, 1.1369049549102783,
    2.40669322013855, 1.1787798404693604, -1.7666704654693604, -0.6485913991928101, -0.7710936665534973,
    -0.45323389768600464, -0.8802316784858704, -1.4231969118118286, -2.5296318531036377, 0.663241446018219,
    2.1425139904022217, -0.43401628732681274, 1.2076387405395508, 2.517411947250366, 2.4498140811920166,
    1.8210700750350952, -2.504279375076294, -2.372492790222168, -0.4101593494415283, 0.4929884374141693,
    5.5521345138549805, -0.2372608780860901, 1.0412031412124634, -0.1838499754667282, 2.1166608333587646,
    -1.3869987726211548, -1.0378191471099854, -0.15380311012268066, 0.990721583366394, -0.6123937368392944,
    0.9631863832473755, -0.9104037880897522, -3.833709478378296, 1.6837735176086426, -0.9746072888374329,
    -2.0438897609710693, 0.9146765470504761, -1.3684937953948975, 1.7020775079727173, 0.3842594623565674,
    0.8283618688583374, -0.006568728946149349, 0.11184843629598618, 1.0090625286102295, -0.59016352891922,
    -0.3329198956489563, -0.9069931507110596, 0.6887659430503845, 0.49516060948371887, 1.1762601137161255,
    -0.6248601078987122, -0.9262164831161499, -0.6309893131256104, 0.6375506520271301, -0.6381804347038269,
    0.14417995512485504, -0.640801191329956, 1.6388678550720215, -0.9591620564460754, 0.42756566405296326,
    1.4326024055480957, -1.7014418840408325, -0.7822331786155701, -0.9359634518623352, -1.1641690731048584,
    0.5783055424690247, 0.010897316969931126, -1.7496036291122437, 1.1690490245819092, -0.9949979782104492,
    0.5284733772277832, 1.0086934566497803, -1.5690609216690063, -1.381667971611023, -1.3167144060134888,
    -0.299378901720047, -0.2509936988353729, 0.628452479839325, -1.4939700365066528, -0.1296357661485672,
    -1.2543987035751343, -1.9454467296600342, -0.73113614320755, 0.3390648663043976, 5.315147876739502,
    1.1365972757339478, -0.21600866317749023, -3.127204418182373, 0.4583146572113037, 1.124440312385559,
    -0.18240410089492798, -0.18309156596660614, 0.13044480979442596, -1.0865060091018677, -1.1870973110198975,
    -0.534434974193573, -2.382542133331299, 0.6375820636749268, 2.409071922302246, -0.6473572254180908,
    1.0041139125823975, -1.656931757926941, -1.9408204555511475, -0.13482880592346191, -0.3112199604511261,
    -0.4248073995113373, -1.9370768070220947, 1.0233607292175293, 0.2368498146533966, 3.958465576171875,
    -0.7515696883201599, 0.0960792750120163, -0.4381979703903198, 0.4204854965209961, 0.26695138216018677,
    -0.24176254868507385,
]);

const _cell_cell_cell_recurrent_b = new Float64Array([
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
]);

function _cell_cell_cell_recurrent(x, y) {
    _affine(_cell_cell_cell_recurrent_w, _cell_cell_cell_recurrent_b, x, 7, y, 28);
}

/* LSTM: c = sigmoid(f + forget bias) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c). */
function _cell_cell_cell_update(h, c, u) {
    const z = new Float64Array(4 * 7), of_h = new Float64Array(4 * 7);
    _cell_cell_cell_inputs(u, z);
    _cell_cell_cell_recurrent(h, of_h);
    for (let i = 0; i < 4 * 7; i++)
        z[i] += of_h[i];
    for (let i = 0; i < 7; i++) {
        c[i] = _sigmoid(z[7 + i] + 1.0) * c[i] + _sigmoid(z[i]) * Math.tanh(z[2 * 7 + i]);
        h[i] = _sigmoid(z[3 * 7 + i]) * Math.tanh(c[i]);
    }
}

/* The state is h, and behind it c. */
function _cell_cell_cell(state, u, dt, y) {
    _cell_cell_cell_update(state, state.subarray(7), u);
    y.set(state.subarray(0, 7));
}

/* The cell reads dt behind its inputs; its own dt stands still. */
function _cell_cell(state, u, dt, y) {
    const heard = new Float64Array(3);
    heard.set(u.subarray(0, 2));
    heard[2] = Math.log1p(dt / 1.0);
    _cell_cell_cell(state, heard, 1.0, y);
}

const _cell_readout_w = new Float64Array([
    1.377360224723816, 2.276552438735962, -8.328397750854492, -1.118897557258606, 0.8629022240638733,
    -0.8498832583427429, -0.35319700837135315,
]);

const _cell_readout_b = new Float64Array([
    -0.3013213872909546,
]);

function _cell_readout(x, y) {
    _affine(_cell_readout_w, _cell_readout_b, x, 7, y, 1);
}

/* A linear readout. */
function _cell(state, u, dt, y) {
    const output = new Float64Array(7);
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
    return {cell: new Float64Array(14), filled: new Float64Array(2)};
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
    if (copy.cell.length !== 14 || copy.filled.length !== 2)
        throw new RangeError("state must be one of this network, as init or step gave it");
    return copy;
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
    0.11759834380737214, 9.847451159105997, -8.181723236359208, 10.115324104959216, -7.229686725653601,
    5.921575218436687, -9.759504962369242, 11.088144348887543,
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
