/* Networks that balance side by side: the same starts, and the same noise on the same frames. */

import { LIMIT, NOISE_UNIT, STEP, TRACK, advance, fell } from "./plant.js";

export const PUSH = 0.35; // rad/s
const GUST = 250; // steps of physics from one gust to the next
const DOWN = 150; // steps of physics that a pole lies before it is set up again

/* Numbers in [0, 1), the same for the same seed: mulberry32. */
export function generator(seed) {
    let a = seed >>> 0;
    return () => {
        a = (a + 0x6d2b79f5) >>> 0;
        let t = Math.imul(a ^ (a >>> 15), a | 1);
        t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/* Where the trial of a number begins: up to 0.3 m and 3.4 degrees from the middle, and moving. */
export function start(seed, number) {
    const random = generator(1000003 * seed + number);
    random();
    return [0.3, 0.06, 0.3, 0.3].map((most) => most * (2 * random() - 1));
}

export class Simulation {
    /* networks: modules that liquidjax exported, by name. */
    constructor(networks, seed = 1) {
        this.networks = networks;
        // gap: steps of physics from frame to frame; noise: in its units; lost: a share; gusts: whether there are any
        this.settings = { gap: 4, noise: 0, lost: 0, gusts: true };
        this.restart(seed);
    }

    restart(seed = this.seed + 1) {
        this.seed = seed;
        this.random = generator(seed);
        this.steps = this.countedFrom = 0;
        this.untilFrame = 0;
        this.push = 0;
        this.pushed = { by: 0, at: -GUST };
        this.trials = {};
        for (const name of Object.keys(this.networks))
            this.trials[name] = { name, falls: 0, number: 0, ...this.begun(name, 0) };
    }

    get seconds() {
        return this.steps * STEP;
    }

    /* What a trial is at its beginning. seen: the last frame that came; since: steps of physics from it;
     * down: those that it will still lie. */
    begun(name, number) {
        const memory = this.networks[name].init();
        return { body: start(this.seed, number), memory, force: 0, seen: null, since: 0, down: 0 };
    }

    /* Seconds in which falls are counted: since the last restart or change of settings. */
    get counted() {
        return (this.steps - this.countedFrom) * STEP;
    }

    count() {
        this.countedFrom = this.steps;
        for (const trial of Object.values(this.trials)) trial.falls = 0;
    }

    /* Turns all poles to one side, on the next step. */
    pushAll(by = this.random() < 0.5 ? -PUSH : PUSH) {
        this.push = by;
        this.pushed = { by, at: this.steps };
    }

    /* One step of physics. */
    tick() {
        const { gap, noise, lost, gusts } = this.settings;
        if (this.steps % GUST === GUST - 1) {
            const by = PUSH * (2 * this.random() - 1);
            if (gusts) this.pushAll(by);
        }
        let frame = null;
        if (this.untilFrame <= 0) { // drawn whether or not they are used, so that everybody has the same
            frame = { lost: this.random() < lost, noise: NOISE_UNIT.map((unit) => noise * unit * this.normal()) };
            this.untilFrame = gap;
        }
        this.untilFrame = Math.min(this.untilFrame, gap) - 1;
        for (const trial of Object.values(this.trials))
            this.move(trial, frame);
        this.push = 0;
        this.steps++;
    }

    move(trial, frame) {
        if (frame) trial.lost = frame.lost;
        if (trial.down) {
            trial.body = lying(trial.body);
            if (--trial.down === 0)
                Object.assign(trial, this.begun(trial.name, ++trial.number));
            return;
        }
        // The first frame of a trial is never lost: it starts the network.
        if (frame && !(frame.lost && trial.seen)) this.act(trial, frame.noise);
        trial.body[3] += this.push;
        trial.body = advance(trial.body, trial.force);
        trial.since++;
        if (fell(trial.body)) {
            trial.falls++;
            trial.down = DOWN;
            trial.force = 0;
        }
    }

    act(trial, noise) {
        const network = this.networks[trial.name];
        const dt = trial.seen ? trial.since * STEP : network.firstDt;
        const seen = [trial.body[0] + noise[0], trial.body[1] + noise[1]];
        const [memory, [force]] = network.step(trial.memory, seen, dt);
        const constants = network.timeConstants?.(memory, seen);
        Object.assign(trial, { memory, seen, constants, since: 0, force: Math.max(-LIMIT, Math.min(LIMIT, force)) });
        trial.calls = (trial.calls ?? 0) + 1;
    }

    normal() {
        return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
    }
}

/* Nobody holds it any more: it turns until it lies; at the end of the track the cart stops. */
function lying(body) {
    const next = advance(body, 0);
    if (Math.abs(next[1]) > Math.PI / 2) [next[1], next[3]] = [(Math.sign(next[1]) * Math.PI) / 2, 0];
    if (Math.abs(next[0]) > TRACK) [next[0], next[2]] = [Math.sign(next[0]) * TRACK, 0];
    next[2] *= 0.97; // which rolls out
    return next;
}
