/* What a panel shows: the cart-pole, the network at work, and the last seconds of what it is made of. */

import { TRACK } from "./plant.js";
import * as wiring from "./wiring.js";

const HISTORY = 8; // s
const SHORTEST = 1e-4, LONGEST = 2; // s, of the time constants that are drawn
const LARGEST = Math.asinh(200); // of the memory cells
const TURN = 2 * Math.PI;

/* Lengths by the height of a panel. */
function areas(width, height) {
    const scene = 0.3 * height, strip = 0.17 * height;
    return {
        scene: { x: 0, y: 0, width, height: scene },
        net: { x: 0, y: scene + 24, width, height: height - scene - strip - 54 },
        strip: { x: 42, y: height - strip - 12, width: width - 44, height: strip },
    };
}

/* One panel; what: "ltc" or "lstm". Colours are those of the theme, by name. */
export class Panel {
    constructor(canvas, what) {
        this.canvas = canvas;
        this.what = what;
        this.history = [];
    }

    resize() {
        const { width, height } = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
        const wanted = [Math.round(width * ratio), Math.round(height * ratio)];
        if (this.canvas.width !== wanted[0] || this.canvas.height !== wanted[1])
            [this.canvas.width, this.canvas.height] = wanted;
        this.size = [width, height];
        this.ratio = ratio;
    }

    /* What is drawn along time, kept at each call. */
    remember(trial, seconds) {
        let values = this.what === "ltc" ? trial.constants : trial.memory.cell.slice(-units(trial));
        if (trial.down || !trial.seen) values = null;
        this.history.push({ seconds, values });
        while (this.history[0].seconds < seconds - HISTORY) this.history.shift();
    }

    draw(trial, { seconds, pushed, steps }, colours, noisy) {
        this.resize();
        const context = this.canvas.getContext("2d"), [width, height] = this.size;
        context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        context.font = `11px ${colours.font}`;
        context.lineCap = "round";
        const where = areas(width, height);
        const push = steps - pushed.at < 25 && !trial.down ? pushed.by : 0;
        drawScene(context, where.scene, trial, push, colours, noisy);
        if (this.what === "ltc") drawWiring(context, where.net, trial, colours);
        else drawGates(context, where.net, trial, colours);
        this.drawStrip(context, where.strip, seconds, colours);
    }

    drawStrip(context, { x, y, width, height }, seconds, colours) {
        const liquid = this.what === "ltc";
        const place = liquid
            ? (value) => y + height * (1 - share(value))
            : (value) => y + (height * (1 - Math.asinh(value) / LARGEST)) / 2;
        label(context, liquid ? "time constants, last 8 s" : "memory cells, last 8 s", x, y - 8, colours.muted);
        context.lineWidth = 1;
        for (const [value, text] of liquid ? [[1, "1 s"], [0.01, "10 ms"], [1e-4, "0.1 ms"]] : [[10, "10"], [0, "0"], [-10, "\u221210"]]) {
            context.strokeStyle = colours.line;
            line(context, [[x, place(value)], [x + width, place(value)]]);
            label(context, text, x - 5, place(value) + 4, colours.muted, "right");
        }
        context.save();
        context.beginPath();
        context.rect(x, y, width, height);
        context.clip();
        const along = (time) => x + width * (1 - (seconds - time) / HISTORY);
        const count = this.history.find((each) => each.values)?.values.length ?? 0;
        for (let i = 0; i < count; i++) {
            context.strokeStyle = liquid ? colours[wiring.roles[i]] : colours.command;
            context.globalAlpha = liquid ? 0.65 : 0.8;
            context.lineWidth = liquid && wiring.roles[i] === "motor" ? 2 : 1;
            context.beginPath();
            let on = false;
            for (const { seconds: time, values } of this.history) {
                if (!values) { on = false; continue; }
                const at = [along(time), place(values[i])];
                if (on) context.lineTo(...at);
                else context.moveTo(...at);
                on = true;
            }
            context.stroke();
        }
        context.restore();
    }
}

function units(trial) {
    return trial.memory.cell.length / 2;
}

/* Where a time constant is between the shortest and the longest. */
function share(constant) {
    const found = Math.log(constant / SHORTEST) / Math.log(LONGEST / SHORTEST);
    return Math.max(0, Math.min(1, found));
}

function drawScene(context, { x, y, width, height }, trial, push, colours, noisy) {
    const scale = Math.min(width / (2 * TRACK + 0.7), (height - 26) / 1.25);
    const middle = x + width / 2, ground = y + height - 10;
    const across = (place) => middle + scale * place;
    context.strokeStyle = colours.muted;
    context.lineWidth = 1.5;
    line(context, [[across(-TRACK), ground], [across(TRACK), ground]]);
    for (const end of [-TRACK, TRACK]) line(context, [[across(end), ground], [across(end), ground - 14]]);
    context.lineWidth = 1;
    line(context, [[across(0), ground], [across(0), ground + 4]]);

    if (trial.seen && !trial.down) drawCart(context, across(trial.seen[0]), ground, scale, trial.seen[1], colours, noisy ? 0.5 : 0.3, true);
    drawCart(context, across(trial.body[0]), ground, scale, trial.body[1], colours, 1, false);
    if (trial.force) {
        const top = ground - 0.2 * scale, tip = across(trial.body[0]) + 0.09 * scale * trial.force;
        context.strokeStyle = colours.inhibitory;
        context.lineWidth = 3;
        line(context, [[across(trial.body[0]), top], [tip, top]]);
    }
    if (push) {
        const top = ground - 1.05 * scale, side = Math.sign(push), from = across(trial.body[0]) - side * 30;
        const tip = from + side * 20;
        context.strokeStyle = colours.text;
        context.lineWidth = 2;
        line(context, [[from, top], [tip, top]]);
        line(context, [[tip - side * 6, top - 5], [tip, top], [tip - side * 6, top + 5]]);
    }
    // The frame that came last, or was lost.
    const lamp = [x + 12, y + 14];
    context.beginPath();
    context.arc(...lamp, 5, 0, TURN);
    context.lineWidth = 1.5;
    context.strokeStyle = trial.lost ? colours.inhibitory : colours.motor;
    context.fillStyle = colours.motor;
    context.globalAlpha = 1;
    context.stroke();
    if (!trial.lost && trial.since <= 4) context.fill();
    label(context, trial.down ? "fallen" : trial.lost ? "frame lost" : "frame", lamp[0] + 10, lamp[1] + 4, colours.muted);
}

function drawCart(context, place, ground, scale, angle, colours, alpha, outline) {
    const box = [0.42 * scale, 0.2 * scale], wheel = 0.06 * scale, top = ground - 2 * wheel - box[1];
    context.globalAlpha = alpha;
    context.fillStyle = context.strokeStyle = outline ? colours.muted : colours.cart;
    context.lineWidth = 1.5;
    context.beginPath();
    context.roundRect(place - box[0] / 2, top, ...box, 3);
    if (outline) context.stroke();
    else {
        context.fill();
        for (const side of [-1, 1]) {
            context.beginPath();
            context.arc(place + side * box[0] * 0.3, ground - wheel, wheel, 0, TURN);
            context.fill();
        }
    }
    context.strokeStyle = outline ? colours.muted : colours.pole;
    context.lineWidth = outline ? 2 : Math.max(4, 0.07 * scale);
    line(context, [[place, top], [place + scale * Math.sin(angle), top - scale * Math.cos(angle)]]);
    context.globalAlpha = 1;
}

/* The wiring as a network at work: synapses as strong as they are now. */
function drawWiring(context, area, trial, colours) {
    const columns = [wiring.inputs.map((_, i) => i), ...wiring.layers];
    const radius = radiusIn(area);
    const across = (column) => area.x + 64 + ((area.width - 96) * column) / (columns.length - 1);
    const along = (number, count) => area.y + 4 + ((area.height - 8) * (number + 0.5)) / count;
    const neurons = [], sensors = columns[0].map((_, i) => [across(0), spread(along, i, 2, columns[1].length)]);
    wiring.layers.forEach((layer, column) => layer.forEach((neuron, number) => {
        neurons[neuron] = [across(column + 1), spread(along, number, layer.length, wiring.layers[0].length)];
    }));
    const state = trial.memory.cell, [weight, bias] = wiring.mapping;
    const heard = (trial.seen ?? [0, 0]).map((value, i) => scaled(value, i) * weight[i] + bias[i]);
    for (const [synapses, from, sources] of [[wiring.sensory, heard, sensors], [wiring.synapses, state, neurons]])
        for (const [source, target, sign, most, steepness, midpoint] of synapses) {
            const open = most / (1 + Math.exp(-steepness * (from[source] - midpoint)));
            context.globalAlpha = 0.07 + 0.75 * Math.min(1, open);
            context.strokeStyle = sign > 0 ? colours.excitatory : colours.inhibitory;
            context.lineWidth = 0.7 + 1.6 * Math.min(1, open);
            synapse(context, sources[source], neurons[target], radius);
        }
    context.globalAlpha = 1;
    sensors.forEach((at, i) => {
        square(context, at, radius, heard[i], colours);
        label(context, wiring.inputs[i], at[0] - radius - 5, at[1] + 4, colours.muted, "right");
    });
    neurons.forEach((at, i) => neuron(context, at, radius, state[i], trial.constants?.[i], colours[wiring.roles[i]], colours));
    wiring.layers.forEach((layer, column) => {
        const role = wiring.roles[layer[0]];
        label(context, `${layer.length} ${role}`, across(column + 1), area.y - 4, colours[role], "center");
    });
}

/* The LSTM: every cell hears every other. */
function drawGates(context, area, trial, colours) {
    const state = trial.memory.cell, count = state.length / 2, radius = radiusIn(area);
    const inputs = ["position", "angle", "time"], heard = [...(trial.seen ?? [0, 0]).map(scaled), 0];
    const across = (column) => area.x + 64 + ((area.width - 96) * column) / 2;
    const middle = area.y + area.height / 2, ring = Math.min(0.4 * area.height, 0.2 * area.width);
    const sensors = inputs.map((_, i) => [across(0), middle + (i - 1) * 0.16 * area.height]);
    const cells = Array.from({ length: count }, (_, i) => {
        const turn = (TURN * i) / count;
        return [across(1) + ring * Math.sin(turn), middle - ring * Math.cos(turn)];
    });
    const motor = [across(2), middle];
    context.strokeStyle = colours.muted;
    context.lineWidth = 0.8;
    const strength = (value) => 0.1 + 0.5 * Math.min(1, Math.abs(value));
    cells.forEach((at, i) => {
        sensors.forEach((from, j) => { context.globalAlpha = strength(heard[j] / 3); line(context, [from, at]); });
        cells.forEach((to, j) => { if (j !== i) { context.globalAlpha = strength(state[i]) / 2; line(context, [at, to]); } });
        context.globalAlpha = strength(state[i]);
        line(context, [at, motor]);
    });
    context.globalAlpha = 1;
    sensors.forEach((at, i) => {
        square(context, at, radius, heard[i], colours);
        label(context, inputs[i], at[0] - radius - 5, at[1] + 4, colours.muted, "right");
    });
    cells.forEach((at, i) => neuron(context, at, radius, state[i], undefined, colours.command, colours));
    square(context, motor, radius, trial.force / 5, colours);
    label(context, `${count} cells`, across(1), area.y - 4, colours.command, "center");
    label(context, "force", across(2), area.y - 4, colours.motor, "center");
}

function radiusIn(area) {
    return Math.max(4, Math.min(7.5, area.height / 33));
}

/* As the networks hear it, about. */
function scaled(value, input) {
    return value / (input === 0 ? 0.15 : 0.03);
}

/* Few keep together in the middle. */
function spread(along, number, count, most) {
    const middle = (along(0, most) + along(most - 1, most)) / 2, step = along(1, most) - along(0, most);
    const wide = count < most ? Math.min(1.6, Math.max(1, (most - 1) / Math.max(1, count - 1) / 1.25)) : 1;
    return middle + (number - (count - 1) / 2) * step * (count === 2 ? 3 : wide);
}

function synapse(context, from, to, radius) {
    if (from[0] !== to[0]) return line(context, [from, to]);
    context.beginPath();
    if (from === to) context.arc(from[0] + radius, from[1] - radius, radius, 0, TURN);
    else {
        context.moveTo(...from);
        context.quadraticCurveTo(from[0] + 18 + 0.25 * Math.abs(to[1] - from[1]), (from[1] + to[1]) / 2, ...to);
    }
    context.stroke();
}

/* Filled by its state, with an arc around it as long as its time constant, from 0.1 ms to 2 s. */
function neuron(context, at, radius, state, constant, ring, colours) {
    context.beginPath();
    context.arc(...at, radius, 0, TURN);
    context.fillStyle = colours.back;
    context.fill();
    fill(context, state, colours);
    context.strokeStyle = colours.muted;
    context.lineWidth = 0.8;
    context.stroke();
    if (constant === undefined) return;
    context.beginPath();
    context.arc(...at, radius + 2.5, -TURN / 4, -TURN / 4 + TURN * share(constant));
    context.strokeStyle = ring;
    context.lineWidth = 2.5;
    context.stroke();
}

function square(context, at, radius, value, colours) {
    context.beginPath();
    context.rect(at[0] - radius, at[1] - radius, 2 * radius, 2 * radius);
    context.fillStyle = colours.back;
    context.fill();
    fill(context, value / 2, colours);
    context.strokeStyle = colours.muted;
    context.lineWidth = 0.8;
    context.stroke();
}

/* The path in blue below 0 and in orange above. */
function fill(context, value, colours) {
    context.globalAlpha = Math.min(1, Math.abs(value));
    context.fillStyle = value > 0 ? colours.above : colours.below;
    context.fill();
    context.globalAlpha = 1;
}

function line(context, points) {
    context.beginPath();
    points.forEach((point, i) => (i ? context.lineTo(...point) : context.moveTo(...point)));
    context.stroke();
}

function label(context, text, x, y, colour, align = "left") {
    context.fillStyle = colour;
    context.textAlign = align;
    context.fillText(text, x, y);
}
