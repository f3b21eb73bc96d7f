/* The cart-pole of liquidjax/experiments/control/cartpole.py: the same equations in the same steps. */

export const STEP = 0.01; // s
export const TRACK = 2.4; // m, on either side
export const LEAN = (12 * Math.PI) / 180;
export const LIMIT = 10; // N
export const NOISE_UNIT = [0.1, 0.05]; // m and rad
const GRAVITY = 9.8, CART = 1.0, POLE = 0.1, HALF_LENGTH = 0.5;

/* d/dt of position, angle and their velocities, under a force on the cart. */
function derivative([, angle, velocity, turning], force) {
    const sin = Math.sin(angle), cos = Math.cos(angle), total = CART + POLE;
    const pushed = (force + POLE * HALF_LENGTH * turning * turning * sin) / total;
    const turned = (GRAVITY * sin - cos * pushed) / (HALF_LENGTH * (4 / 3 - (POLE * cos * cos) / total));
    return [velocity, turning, pushed - (POLE * HALF_LENGTH * turned * cos) / total, turned];
}

/* One step of the classical Runge-Kutta method, the force held. */
export function advance(state, force) {
    const along = (slope, h) => state.map((x, i) => x + h * slope[i]);
    const a = derivative(state, force);
    const b = derivative(along(a, STEP / 2), force);
    const c = derivative(along(b, STEP / 2), force);
    const d = derivative(along(c, STEP), force);
    return state.map((x, i) => x + (STEP / 6) * (a[i] + 2 * b[i] + 2 * c[i] + d[i]));
}

export function fell(state) {
    return Math.abs(state[0]) > TRACK || Math.abs(state[1]) > LEAN;
}
