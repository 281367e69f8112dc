// Uses the page as a visitor does, and compares what it learns with the native program:
//   node browser.test.mjs FOLDER_OF_DEMO NATIVE CHROMIUM [FOLDER_FOR_PICTURES]

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chromium } from "./chromium.mjs";
import { report } from "./report.mjs";
import { serve } from "./server.mjs";

const [folder, native, program, pictures] = process.argv.slice(2);
const side = 16;

let failures = 0;
function expect(isRight, what) {
    if (isRight) return;
    console.log(`FAILED: ${what}`);
    ++failures;
}

const server = await serve(folder, "/below/some/folder/demo/");
const page = await Chromium.start(program);

/** Points in the middle of cells of the map, for the mouse or a finger. */
async function points(...cells) {
    const box = await page.value(`(() => {
        const map = document.getElementById("map");
        map.scrollIntoView({ block: "center" });
        const { x, y, width, height } = map.getBoundingClientRect();
        return { x, y, width, height };
    })()`);
    return cells.map(([row, column]) => [
        box.x + ((column + 0.5) * box.width) / side,
        box.y + ((row + 0.5) * box.height) / side,
    ]);
}
const terrain = (row, column) => page.value(`imleDemo.terrains[${row * side + column}]`);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

try {
    await page.size(1280, 900);
    await page.open(server.address);
    await page.until("window.imleDemo && imleDemo.last !== null");

    // -- Painting -----------------------------------------------------------------------------------------------------

    await page.click("#clear-map");
    await page.drag(await points([3, 0], [3, 6])); // with rock, the first brush
    expect((await terrain(3, 0)) === 3 && (await terrain(3, 4)) === 3, "the mouse paints a line of rock");
    expect((await terrain(3, 7)) === 0, "a stroke ends where the mouse was let go");
    await page.click("#brushes label:nth-of-type(2)");
    await page.drag(await points([9, 9]));
    expect((await terrain(9, 9)) === 1, "a click paints one cell of forest");

    // From the last cell, by keys: three to the right, two up, swamp.
    await page.value(`document.getElementById("map").focus()`);
    await page.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "3", " ");
    expect((await terrain(7, 12)) === 2, "keys paint a cell of swamp");
    const said = await page.value(`document.getElementById("cursor-text").textContent`);
    expect(said === "row 8, column 13: swamp", `the cursor's cell is said to be '${said}'`);

    // Upward, where the page could be scrolled.
    await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    await page.size(1280, 600);
    await page.swipe(await points([14, 2], [12, 2], [10, 2], [8, 2], [6, 2]));
    const swiped = await Promise.all([14, 11, 6].map((row) => terrain(row, 2)));
    expect(swiped.join() === "2,2,2", `a finger paints swamp, not ${swiped}`);
    await page.size(1280, 900);
    await page.send("Emulation.setTouchEmulationEnabled", { enabled: false });

    // -- Learning a drawn path ----------------------------------------------------------------------------------------

    const before = await page.value("imleDemo.wantedPath.join('')");
    await page.press("5");
    await page.drag(await points([0, 0], [0, 9], [6, 9], [10, 4], [15, 4], [15, 12]));
    await page.until(`imleDemo.wantedPath.join("") !== "${before}"`);
    await page.value(`(() => {
        for (const [id, value] of [["seed", 7], ["temperature", 0.8], ["samples", 12], ["speed", 60]]) {
            const input = document.getElementById(id);
            input.value = value;
            input.dispatchEvent(new Event("input"));
            input.dispatchEvent(new Event("change"));
        }
    })()`);
    await page.until("imleDemo.settings().seed === 7 && imleDemo.last.steps === 0");
    await page.click("#learn");
    await page.until("imleDemo.losses.length > 80 && imleDemo.firstRightStep > 0", 20);
    await page.click("#learn");
    await page.click("#play");
    await page.until("!imleDemo.isLearning && !imleDemo.isSampling");
    await pause(300);

    const got = await page.value(`(() => {
        const { last, wantedPath, losses, learnedPath, firstRightStep, sampled, terrains, drawing } = imleDemo;
        const bestPath = new Array(256).fill(0);
        for (const cell of last.bestPath) bestPath[cell] = 1;
        return {
            scenario: { ...imleDemo.settings(), terrains: [...terrains], drawing: [...drawing] },
            found: {
                bestPath,
                sampled,
                counts: Array.from(last.marginals, (share) => Math.round(share * sampled)),
                wantedPath: [...wantedPath],
                losses,
                learnedPath: [...learnedPath],
                firstStep: firstRightStep,
            },
        };
    })()`);
    const { scenario, found } = got;
    const grid = (values, signs) => values.map((v, i) => signs[v] + (i % side === side - 1 ? "\n" : "")).join("");
    const input =
        `seed ${scenario.seed} temperature ${scenario.temperature} k ${scenario.k} samples ${scenario.samples}\n` +
        `draws ${found.sampled / scenario.samples} steps ${found.losses.length}\n` +
        `map\n${grid(scenario.terrains, "1234")}drawing\n${grid(scenario.drawing, ".#")}`;
    const theirs = execFileSync(native, ["-"], { input, encoding: "utf8" });
    const ours = report(found);
    expect(ours === theirs, `of\n${input}the page made\n${ours}the native program\n${theirs}`);
    expect(found.learnedPath.join() === found.wantedPath.join(), "the page learned the wanted path");
    expect(
        found.wantedPath.filter((z, i) => z === 1 && scenario.drawing[i] === 1).length > 25,
        "the wanted path follows the drawing",
    );

    // -- Speed --------------------------------------------------------------------------------------------------------

    // As the page starts: 10 samples a frame; and a step of learning in each.
    await page.value(`(() => {
        const samples = document.getElementById("samples");
        samples.value = 10;
        samples.dispatchEvent(new Event("input"));
    })()`);
    await page.click("#play");
    await page.click("#learn");
    await pause(3500);
    const [frames, solves] = await page.value("[imleDemo.framesPerSecond, imleDemo.solvesPerSecond]");
    console.log(`${frames.toFixed(1)} frames a second, ${Math.round(solves)} solves a second`);
    // (Other programs may have most of this machine.)
    expect(frames > 2 && solves > 1000, "it is too slow");
    await page.click("#learn");

    // -- Pictures, and what fits on a narrow screen -------------------------------------------------------------------

    if (pictures) {
        // That of docs/examples/web.md.
        await page.size(1180, 900);
        for (const button of ["example-map", "clear-path", "start-over"]) await page.click(`#${button}`);
        await page.click("#brushes label:nth-of-type(5)");
        await page.drag(await points([0, 0], [5, 5], [5, 11], [10, 11], [10, 14], [15, 15]));
        await page.click("#learn");
        await page.until("imleDemo.losses.length >= 100");
        await page.click("#learn");
        await page.value("document.activeElement.blur()");
        await pause(300);
        writeFileSync(join(pictures, "web.png"), await page.picture());
    }
    for (const [name, width, height, dark] of [
        ["wide", 1280, 900, false],
        ["wide_dark", 1280, 900, true],
        ["narrow", 400, 800, false],
        ["narrow_dark", 400, 800, true],
    ]) {
        await page.size(width, height, { dark });
        await pause(300);
        const wide = await page.value("document.documentElement.scrollWidth");
        expect(wide <= width, `at ${width} pixels the page is ${wide} wide`);
        if (pictures) writeFileSync(join(pictures, `${name}.png`), await page.picture());
    }
    await page.size(1280, 900);

    expect(page.complaints.length === 0, `the page complained: ${page.complaints.join("\n")}`);
    const strays = server.asked.filter((path) => !path.startsWith("/below/some/folder/demo/"));
    expect(strays.length === 0, `it asked for ${strays}`);

    // -- Where something is missing -----------------------------------------------------------------------------------

    const notice = () => page.value(`document.getElementById("notice").textContent`);
    for (const [missing, word] of [
        ["WebAssembly", "WebAssembly"],
        ["Worker", "workers"],
    ]) {
        const { identifier } = await page.send("Page.addScriptToEvaluateOnNewDocument", {
            source: `delete window.${missing};`,
        });
        await page.open(server.address);
        expect((await notice()).includes(word), `without ${missing} it says '${await notice()}'`);
        await page.send("Page.removeScriptToEvaluateOnNewDocument", { identifier });
    }
    for (const [file, word] of [
        ["imle.wasm", "404"],
        ["imle.js", "imle.js"],
        ["worker.js", "did not start"],
    ]) {
        server.missing.add(file);
        await page.send("Network.setCacheDisabled", { cacheDisabled: true });
        await page.open(server.address);
        await page.until(`document.getElementById("notice").textContent.includes("${word}")`, 5).catch(async () => {
            expect(false, `without ${file} it says '${await notice()}'`);
        });
        server.missing.delete(file);
    }
    await page.send("Emulation.setScriptExecutionDisabled", { value: true });
    await page.open(server.address);
    await page.send("Emulation.setScriptExecutionDisabled", { value: false });
    const text = await page.value("document.body.innerText");
    expect(text.includes("JavaScript is off") && !text.includes("starting"), `without JavaScript it says '${text}'`);
} finally {
    await page.stop();
    server.stop();
}

if (failures === 0) console.log("all as expected");
process.exit(failures === 0 ? 0 : 1);
