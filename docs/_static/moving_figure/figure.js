/* The figure that moves: a neural circuit policy and an LSTM balance poles in the page. No server and no library.
 *
 * The networks are modules that liquidjax exported, ltc.js and lstm.js. It fills the element #moving-figure.
 */

import { Panel } from "./drawing.js";
import * as lstm from "./lstm.js";
import * as ltc from "./ltc.js";
import { STEP } from "./plant.js";
import { Simulation } from "./simulation.js";
import { parameters } from "./wiring.js";

const GAPS = [16, 12, 10, 8, 6, 5, 4, 3, 2, 1]; // steps of physics between frames
const PANELS = {
    ltc: { title: "LTC", about: `${ltc.init().cell.length} liquid neurons, ${parameters.ltc} parameters` },
    lstm: { title: "LSTM", about: `${lstm.init().cell.length / 2} cells, ${parameters.lstm} parameters` },
};
const COLOURS = ["text", "muted", "line", "back", "inter", "command", "motor", "excitatory", "inhibitory", "above", "below", "cart", "pole"];
const TRAINED = GAPS.indexOf(4); // frames as in training
const PRESETS = {
    clean: { rate: TRAINED, noise: 0, lost: 0 },
    lose: { rate: TRAINED, noise: 0, lost: 0.4 },
    noise: { rate: TRAINED, noise: 0.3, lost: 0 },
};
const LATEST = 0.1; // s of physics in one picture at most: a page that was hidden does not run after its time

const HTML = `
<div class="mf-panels">${Object.entries(PANELS).map(([name, { title, about }]) => `
  <div class="mf-panel">
    <p class="mf-title"><strong>${title}</strong> <span>${about}</span></p>
    <canvas data-panel="${name}" role="img"></canvas>
    <p class="mf-count" data-count="${name}"></p>
  </div>`).join("")}
</div>
<div class="mf-controls" role="group" aria-label="What happens to the frames of the sensors">
  <label><span>Frames <b data-shown="rate" aria-hidden="true"></b></span>
    <input type="range" data-slider="rate" min="0" max="${GAPS.length - 1}" step="1" value="${TRAINED}"></label>
  <label><span>Noise <b data-shown="noise" aria-hidden="true"></b></span>
    <input type="range" data-slider="noise" min="0" max="1" step="0.05" value="0"></label>
  <label><span>Lost <b data-shown="lost" aria-hidden="true"></b></span>
    <input type="range" data-slider="lost" min="0" max="0.9" step="0.05" value="0"></label>
  <label class="mf-check"><input type="checkbox" data-slider="gusts" checked> Gusts push both poles</label>
  <div class="mf-buttons">
    <button type="button" data-button="pause">Pause</button>
    <button type="button" data-button="push">Push</button>
    <button type="button" data-button="restart">Restart</button>
    <button type="button" data-button="clean">Clean</button>
    <button type="button" data-button="lose">Lose 40 %</button>
    <button type="button" data-button="noise">Add noise</button>
  </div>
</div>
<p class="mf-said" aria-live="polite"></p>
<p class="mf-legend">Both learnt from the same clean frames, 25 in a second, and see position and angle only; here they get the
same frames, the same noise and the same gusts. Each has its weakness: lost frames and a high rate are worse for this LSTM,
a little noise and a low rate for this LTC. The grey outline is what was seen last. A neuron is filled
<span class="mf-above">orange</span> above 0 and <span class="mf-below">blue</span> below; the arc around it is its time
constant, from 0.1 ms to 2 s; a synapse is as strong as it is drawn.</p>`;

/* Begins in an element, and returns what runs. */
export function begin(root) {
    root.classList.add("mf");
    root.innerHTML = HTML;
    const find = (what, name) => root.querySelector(`[data-${what}="${name}"]`);
    const simulation = new Simulation({ ltc, lstm });
    const names = Object.keys(PANELS), panels = names.map((name) => new Panel(find("panel", name), name));
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    let running = !still, visible = true, owed = 0, before, colours, said = "", told = 0, dirty = true;

    const settings = simulation.settings;
    function read() {
        settings.gap = GAPS[Number(find("slider", "rate").value)];
        settings.noise = Number(find("slider", "noise").value);
        settings.lost = Number(find("slider", "lost").value);
        settings.gusts = find("slider", "gusts").checked;
        simulation.count();
        const rate = `${Math.round(1 / (STEP * settings.gap))} a second`, lost = `${Math.round(100 * settings.lost)} %`;
        const noise = settings.noise ? `${cm(10 * settings.noise)} cm, ${cm(2.865 * settings.noise)}\u00b0` : "none";
        for (const [name, text] of Object.entries({ rate, noise, lost })) {
            find("shown", name).textContent = text;
            find("slider", name).setAttribute("aria-valuetext", text);
        }
        dirty = true;
    }

    function theme() {
        const style = getComputedStyle(root);
        colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--mf-${name}`).trim()]));
        colours.font = style.fontFamily;
        dirty = true;
    }

    function draw() {
        panels.forEach((panel, i) => panel.draw(simulation.trials[names[i]], simulation, colours, settings.noise > 0));
        for (const name of names) {
            const trial = simulation.trials[name];
            write(find("count", name), `${counted(trial.falls)} in ${Math.floor(simulation.counted)} s`);
            find("count", name).classList.toggle("mf-lies", trial.down > 0);
        }
        root.dataset.seconds = simulation.seconds.toFixed(2);
        dirty = false;
    }

    /* A sentence for those who do not see it, where something has changed, at most every few seconds. */
    function tell(now) {
        const fate = (name) => `the ${PANELS[name].title} ${counted(simulation.trials[name].falls)}`;
        const falls = names.map(fate).join(", ");
        const state = running ? "" : simulation.steps === 0 ? "It stands still until you press Play. " : "Paused. ";
        const shown = (name) => find("shown", name).textContent;
        const noise = settings.noise ? `noise of ${shown("noise")}` : "no noise";
        const frames = `${shown("rate").replace(" a", " frames a")}, ${shown("lost")} lost`;
        const text = `${state}At ${frames}, ${noise}: ${falls}.`;
        if (text === said || (now - told < 2000 && said)) return;
        said = text;
        told = now;
        root.querySelector(".mf-said").textContent = text;
        for (const name of names) {
            const { title, about } = PANELS[name], fallen = counted(simulation.trials[name].falls);
            const label = `A pole on a cart, and the ${title} that balances it: ${about}; it ${fallen}`;
            find("panel", name).setAttribute("aria-label", label);
        }
    }

    function turn(now) {
        if (running && visible) {
            owed += Math.min(LATEST, (now - (before ?? now)) / 1000);
            for (; owed >= STEP; owed -= STEP) {
                simulation.tick();
                if (simulation.steps % 3 === 0)
                    panels.forEach((panel, i) => panel.remember(simulation.trials[names[i]], simulation.seconds));
                dirty = true;
            }
        }
        before = now;
        if (dirty && visible) draw();
        tell(now);
        requestAnimationFrame(turn);
    }

    const buttons = {
        pause() {
            running = !running;
            find("button", "pause").textContent = running ? "Pause" : "Play";
        },
        push: () => simulation.pushAll(),
        restart() {
            simulation.restart();
            for (const panel of panels) panel.history = [];
            dirty = true;
        },
    };
    for (const [name, values] of Object.entries(PRESETS))
        buttons[name] = () => {
            for (const [slider, value] of Object.entries(values)) find("slider", slider).value = value;
            read();
        };
    for (const [name, press] of Object.entries(buttons)) find("button", name).addEventListener("click", press);
    for (const slider of root.querySelectorAll("input")) slider.addEventListener("input", read);
    new MutationObserver(theme).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
    new ResizeObserver(() => (dirty = true)).observe(root);
    new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; before = undefined; }).observe(root);

    if (still) find("button", "pause").textContent = "Play";
    theme();
    read();
    requestAnimationFrame(turn);
    return { simulation };
}

function counted(falls) {
    return falls === 0 ? "has not fallen" : falls === 1 ? "fell once" : `fell ${falls} times`;
}

function cm(value) {
    return Number(value.toPrecision(2));
}

function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

const place = document.getElementById("moving-figure");
if (place) begin(place);
