// Compares the module with the native program, in node alone:  node module.test.mjs FOLDER_OF_MODULE NATIVE SCENARIO...

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { readScenario, report } from "./report.mjs";

const [folder, native, ...scenarios] = process.argv.slice(2);
const createImle = createRequire(import.meta.url)(resolve(folder, "imle.js"));
const imle = await createImle({ wasmBinary: readFileSync(join(folder, "imle.wasm")) });

const cells = 256;
const floats = (place) => imle.HEAPF32.slice(place / 4, place / 4 + cells);

function run(scenario) {
    const painted = imle._imle_painted();
    const { temperature, k, samples, seed } = scenario;
    if (!imle._imle_change(temperature, k, samples, seed)) throw new Error("the settings were refused");
    imle._imle_reset_learning();
    imle.HEAPU8.set(scenario.map, painted);
    if (!imle._imle_paint()) throw new Error("the map was refused");
    const bestPath = floats(imle._imle_best_path());

    for (let i = 0; i < scenario.draws; ++i) imle._imle_sample();
    const counts = imle.HEAPU32.slice(imle._imle_counts() / 4, imle._imle_counts() / 4 + cells);
    const sampled = imle._imle_sampled();

    if (scenario.drawing !== null) imle.HEAPU8.set(scenario.drawing, painted);
    const wantedPath = floats(scenario.drawing !== null ? imle._imle_path_through() : imle._imle_best_path());
    imle._imle_want();
    const losses = [];
    while (losses.length < scenario.steps) losses.push(imle._imle_learn());
    const learnedPath = floats(imle._imle_learned_path());
    return report({ bestPath, sampled, counts, wantedPath, losses, learnedPath, firstStep: imle._imle_first_right_step() });
}

let failures = 0;
function expect(isRight, what) {
    if (isRight) return;
    console.log(`FAILED: ${what}`);
    ++failures;
}

for (const file of scenarios) {
    const text = readFileSync(file, "utf8");
    const ours = run(readScenario(text));
    const theirs = execFileSync(native, [file], { encoding: "utf8" });
    expect(/first learned at step [1-9]/.test(theirs), `${file}: the path was not learned`);
    expect(ours === theirs, `${file}: the module's report is\n${ours}the native program's is\n${theirs}`);
}

// What is out of bounds is refused, and nothing changes.
const good = [1, 20.8, 10, 0];
for (const [i, bads] of [[-1, 5.1, NaN, Infinity], [0.9, 65, NaN], [0, 101, -1]].entries())
    for (const bad of bads) {
        const settings = good.map((value, j) => (i === j ? bad : value));
        expect(!imle._imle_change(...settings), `the setting ${i} of ${bad} should be refused`);
    }
imle.HEAPU8[imle._imle_painted()] = 4;
expect(!imle._imle_paint(), "a terrain that is none should be refused");

// How fast it is here, for docs/examples/web.md.
imle._imle_change(...good);
const start = performance.now();
let calls = 0;
while (performance.now() - start < 500) for (let i = 0; i < 10; ++i, ++calls) imle._imle_solve_for_timing();
console.log(`${Math.round((calls * 10_000) / (performance.now() - start))} solves a second`);

if (failures === 0) console.log("all as expected");
process.exit(failures === 0 ? 0 : 1);
