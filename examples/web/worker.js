// Runs the library away from the page, so that the page never waits for it.

"use strict";

importScripts("imle.js");

const cells = 256;
const side = 16;

let imle;

const floats = (place, count = cells) => imle.HEAPF32.subarray(place / 4, place / 4 + count);
const bytes = (place) => Uint8Array.from(floats(place));

/** The cells of a path (256 zeros and ones) from start to goal. A shortest path has no short cut, so each has one next. */
function inOrder(path, offset) {
    const order = [0];
    for (let last = -1, here = 0; here !== cells - 1; ) {
        const row = here >> 4;
        const column = here & 15;
        let next = -1;
        for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, side - 1); ++r)
            for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, side - 1); ++c) {
                const cell = r * side + c;
                if (path[offset + cell] !== 0 && cell !== here && cell !== last) next = cell;
            }
        if (next < 0 || order.length > cells) break;
        order.push(next);
        last = here;
        here = next;
    }
    return order;
}

function pathsInOrder(place, samples) {
    const all = floats(place, samples * cells);
    return Array.from({ length: samples }, (_, i) => inOrder(all, i * cells));
}

// -- How many solves a second --------------------------------------------------------------------------------------------

// The clock is coarse, so calls are timed for a few milliseconds on end, after every tenth frame.
const speed = { frames: 0, solves: 0, milliseconds: 0, perSecond: 0 };

function measureSpeed() {
    if (++speed.frames % 10 !== 0) return;
    const start = performance.now();
    let now;
    do {
        imle._imle_solve_for_timing();
        speed.solves += settings.samples;
        now = performance.now();
    } while (now - start < 5);
    speed.milliseconds += now - start;
    if (speed.milliseconds < 25) return;
    speed.perSecond = (speed.solves * 1000) / speed.milliseconds;
    speed.solves = 0;
    speed.milliseconds = 0;
}

// -- What the page asks for ----------------------------------------------------------------------------------------------

let bestPath = [];
let settings = { temperature: 1, k: 20.8, samples: 10, seed: 0 };

const answers = {
    settings({ temperature, k, samples, seed }) {
        if (!imle._imle_change(temperature, k, samples, seed)) throw new RangeError("a setting is out of its bounds");
        settings = { temperature, k, samples, seed };
    },

    paint({ terrains }) {
        imle.HEAPU8.set(terrains, imle._imle_painted());
        if (!imle._imle_paint()) throw new RangeError("a terrain is none");
        bestPath = inOrder(floats(imle._imle_best_path()), 0);
    },

    /** The wanted path goes through the drawing; without one it is the best path of the map. */
    want({ drawing }) {
        if (drawing !== null) imle.HEAPU8.set(drawing, imle._imle_painted());
        const place = drawing !== null ? imle._imle_path_through() : imle._imle_best_path();
        imle._imle_want();
        postMessage({ type: "wanted", path: bytes(place) });
    },

    forget() {
        imle._imle_reset_learning();
    },

    /** One frame of a run of learning: samples if they are asked for, and so many steps of learning. */
    frame({ number, run, sample, steps }) {
        const answer = { type: "frame", number, run, samples: settings.samples, bestPath, losses: [] };
        if (sample) {
            imle._imle_sample();
            answer.paths = pathsInOrder(imle._imle_samples(), settings.samples);
            answer.marginals = floats(imle._imle_marginals()).slice();
            answer.sampled = imle._imle_sampled();
        }
        for (let i = 0; i < steps; ++i) {
            answer.losses.push(imle._imle_learn());
            answer.learnerPaths = pathsInOrder(imle._imle_learner_samples(), settings.samples);
        }
        answer.steps = imle._imle_steps();
        answer.firstRightStep = imle._imle_first_right_step();
        answer.weights = floats(imle._imle_weights()).slice();
        answer.learnedPath = bytes(imle._imle_learned_path());
        answer.learnedOrder = inOrder(answer.learnedPath, 0);
        answer.solvesPerSecond = speed.perSecond;
        postMessage(answer);
        measureSpeed();
    },
};

async function start() {
    const response = await fetch("imle.wasm");
    if (!response.ok) throw new Error(`imle.wasm: ${response.status} ${response.statusText}`);
    imle = await createImle({ wasmBinary: await response.arrayBuffer() });
    onmessage = ({ data }) => {
        try {
            answers[data.type](data);
        } catch (error) {
            postMessage({ type: "failed", message: String(error) });
        }
    };
    postMessage({ type: "ready" });
}

start().catch((error) => postMessage({ type: "failed", message: String(error) }));
