// The page: what the visitor paints goes to the worker, and what the worker computes is drawn.

"use strict";

(() => {
    const side = 16;
    const cells = side * side;
    const mostSteps = 1100; // as the map example
    const trailFrames = 5; // how long a sampled path stays, in frames
    const mostTrails = 60; // paths on the map at once

    const element = (id) => document.getElementById(id);

    function complain(text) {
        element("notice").textContent = text;
        element("notice").hidden = false;
        element("demo").hidden = true;
    }

    // A module of one function with a vector instruction: does this browser know those?
    const vectorProbe = new Uint8Array([
        0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
    ]);
    if (typeof WebAssembly !== "object" || !WebAssembly.validate(vectorProbe)) {
        complain(
            "This demo needs WebAssembly with vector instructions, which this browser lacks or has switched off. " +
                "Browsers since 2023 have it.",
        );
        return;
    }
    if (typeof Worker !== "function") {
        complain("This demo needs web workers, which this browser lacks or has switched off.");
        return;
    }
    if (location.protocol === "file:") {
        complain("Browsers start no workers from files. Serve this folder instead: sh examples/web.sh");
        return;
    }

    // -- State -----------------------------------------------------------------------------------------------------------

    const exampleMap = [
        "1111111111111111",
        "1111111111112221",
        "4444444441112221",
        "4444444441111221",
        "1111111441111111",
        "1111111111133311",
        "1122211111333311",
        "1122221113333111",
        "1112221444444444",
        "1111111444444444",
        "1111111111111111",
        "1333111112211111",
        "1333311122221111",
        "1133311112211144",
        "1111111111111144",
        "1111111111111111",
    ];
    const terrainNames = ["ground", "forest", "swamp", "rock"];

    const state = {
        terrains: new Uint8Array(cells),
        drawing: new Uint8Array(cells), // 1 where the wanted path was drawn
        wantedPath: new Uint8Array(cells),
        cursor: { row: 0, column: 0 },
        isSampling: !matchMedia("(prefers-reduced-motion: reduce)").matches,
        isLearning: false,
        losses: [], // at each step, summed over the samples
        lossMeans: [], // the same as means
        run: 0, // how many times learning began anew
        firstRightStep: 0, // the step after which the learned path was the wanted one first
        learnedPath: new Uint8Array(cells),
        trails: [], // { path, age, shift } of recent samples
        sampled: 0,
        solvesPerSecond: 0,
        framesPerSecond: 0,
        last: null, // the worker's last frame
        settings: () => ({
            temperature: Number(element("temperature").value),
            k: Number(element("k").value),
            samples: Number(element("samples").value),
            seed: Number(element("seed").value),
        }),
    };
    // For the console, the test, and a page that shows this one in a frame.
    window.imleDemo = state;

    const brush = () => document.querySelector("input[name=brush]:checked").value;
    const worker = new Worker("worker.js");

    // -- Colours ---------------------------------------------------------------------------------------------------------

    let colours;

    function readColours() {
        const style = getComputedStyle(document.documentElement);
        const named = (name) => style.getPropertyValue(`--${name}`).trim();
        const parts = (name) => [1, 3, 5].map((at) => parseInt(named(name).slice(at, at + 2), 16));
        colours = {
            terrains: terrainNames.map(named),
            heat: [parts("heat-low"), parts("heat-mid"), parts("heat-high")],
            signed: [parts("reward"), parts("zero"), parts("cost")],
        };
        for (const name of ["grid", "path", "best", "wanted", "wanted-edge", "cursor", "accent", "quiet", "line"])
            colours[name] = named(name);
    }

    /** The colour at `share`, from 0 to 1, of a scale of three. */
    function mixed(scale, share) {
        const at = Math.min(Math.max(share, 0), 1) * 2;
        const from = scale[at < 1 ? 0 : 1];
        const to = scale[at < 1 ? 1 : 2];
        const part = at < 1 ? at : at - 1;
        return `rgb(${from.map((value, i) => Math.round(value + part * (to[i] - value))).join(" ")})`;
    }

    // -- Drawing ---------------------------------------------------------------------------------------------------------

    const canvases = ["map", "marginals", "learned", "loss"].map(element);
    const stale = new Set(canvases);
    const context = new Map(canvases.map((canvas) => [canvas, canvas.getContext("2d", { alpha: true })]));

    function fitCanvases() {
        const ratio = window.devicePixelRatio || 1;
        for (const canvas of canvases) {
            const { width, height } = canvas.getBoundingClientRect();
            const wide = Math.max(1, Math.round(width * ratio));
            const high = Math.max(1, Math.round(height * ratio));
            if (canvas.width === wide && canvas.height === high) continue;
            canvas.width = wide;
            canvas.height = high;
            stale.add(canvas);
        }
    }

    function drawCells(canvas, colourOf) {
        const to = context.get(canvas);
        to.fillStyle = colours.grid;
        to.fillRect(0, 0, canvas.width, canvas.height);
        const edge = (i) => Math.round((i * canvas.width) / side);
        for (let row = 0; row < side; ++row)
            for (let column = 0; column < side; ++column) {
                const [x, y] = [edge(column), edge(row)];
                to.fillStyle = colourOf(row * side + column);
                to.fillRect(x, y, edge(column + 1) - x - 1, edge(row + 1) - y - 1);
            }
    }

    /** A path, moved by `shift` cells (but for its ends), so that paths over the same cells can be told apart. */
    function drawPath(canvas, path, { colour, width, opacity = 1, shift = [0, 0] }) {
        if (path.length < 2) return;
        const to = context.get(canvas);
        const cell = canvas.width / side;
        to.globalAlpha = opacity;
        to.strokeStyle = colour;
        to.lineWidth = width * cell;
        to.lineJoin = to.lineCap = "round";
        to.beginPath();
        path.forEach((at, i) => {
            const moved = i === 0 || i === path.length - 1 ? [0, 0] : shift;
            to.lineTo(((at % side) + 0.5 + moved[0]) * cell, (Math.floor(at / side) + 0.5 + moved[1]) * cell);
        });
        to.stroke();
        to.globalAlpha = 1;
    }

    function drawWanted(canvas) {
        const to = context.get(canvas);
        const cell = canvas.width / side;
        to.fillStyle = colours.wanted;
        to.strokeStyle = colours["wanted-edge"];
        to.lineWidth = cell * 0.07;
        for (let i = 0; i < cells; ++i) {
            if (state.wantedPath[i] === 0) continue;
            to.beginPath();
            to.arc(((i % side) + 0.5) * cell, (Math.floor(i / side) + 0.5) * cell, cell * 0.17, 0, 2 * Math.PI);
            to.fill();
            to.stroke();
        }
    }

    function drawMap() {
        const canvas = element("map");
        drawCells(canvas, (i) => colours.terrains[state.terrains[i]]);
        const to = context.get(canvas);
        const cell = canvas.width / side;
        for (const { path, age, shift } of state.trails)
            drawPath(canvas, path, {
                colour: colours.path,
                width: 0.07,
                opacity: 0.6 * (1 - age / trailFrames),
                shift,
            });
        if (state.last !== null) drawPath(canvas, state.last.bestPath, { colour: colours.best, width: 0.14 });
        if (isDrawn()) drawWanted(canvas);
        if (document.activeElement === canvas) {
            to.strokeStyle = colours.cursor;
            to.lineWidth = Math.max(2, cell * 0.12);
            to.strokeRect(state.cursor.column * cell, state.cursor.row * cell, cell, cell);
        }
    }

    function drawMarginals() {
        const marginals = state.last?.marginals;
        drawCells(element("marginals"), (i) => mixed(colours.heat, marginals ? marginals[i] : 0));
    }

    function drawLearned() {
        const canvas = element("learned");
        const weights = state.last?.weights ?? new Float32Array(cells);
        let largest = 0.3; // so that the first weights are pale
        for (const weight of weights) largest = Math.max(largest, Math.abs(weight));
        drawCells(canvas, (i) => mixed(colours.signed, 0.5 - weights[i] / largest / 2));
        (state.last?.learnerPaths ?? []).slice(0, mostTrails).forEach((path, i) => {
            drawPath(canvas, path, { colour: colours.path, width: 0.07, opacity: 0.3, shift: shiftOf(i) });
        });
        if (state.last !== null) drawPath(canvas, state.last.learnedOrder, { colour: colours.best, width: 0.14 });
        drawWanted(canvas);
        element("lowest").textContent = `reward ${largest.toFixed(2)}`;
        element("highest").textContent = `cost ${largest.toFixed(2)}`;
    }

    function drawLoss() {
        const canvas = element("loss");
        const to = context.get(canvas);
        const ratio = window.devicePixelRatio || 1;
        const { width, height } = canvas;
        const [left, right, top, bottom] = [34 * ratio, width - 6 * ratio, 20 * ratio, height - 20 * ratio];
        to.clearRect(0, 0, width, height);

        const steps = Math.max(60, state.lossMeans.length);
        const highest = Math.max(10, ...state.lossMeans);
        const tick = highest > 60 ? 40 : highest > 40 ? 20 : highest > 15 ? 10 : 5;
        to.font = `${12 * ratio}px system-ui, sans-serif`;
        to.fillStyle = colours.quiet;
        to.strokeStyle = colours.line;
        to.lineWidth = ratio;
        to.textBaseline = "middle";
        to.textAlign = "right";
        const heightOf = (loss) => bottom - ((bottom - top) * loss) / highest;
        for (let loss = 0; loss <= highest; loss += tick) {
            to.beginPath();
            to.moveTo(left, heightOf(loss));
            to.lineTo(right, heightOf(loss));
            to.stroke();
            to.fillText(String(loss), left - 6 * ratio, heightOf(loss));
        }
        to.textAlign = "left";
        to.fillText("loss: cells that differ from the wanted path", left, 8 * ratio, right - left);
        to.textAlign = "right";
        to.fillText(`step ${steps}`, right, height - 8 * ratio);
        to.textAlign = "left";
        to.fillText("1", left, height - 8 * ratio);

        to.strokeStyle = colours.accent;
        to.lineWidth = 1.5 * ratio;
        to.lineJoin = "round";
        to.beginPath();
        state.lossMeans.forEach((loss, i) => {
            to.lineTo(left + ((right - left) * i) / (steps - 1), heightOf(loss));
        });
        to.stroke();
    }

    const drawings = [drawMap, drawMarginals, drawLearned, drawLoss];

    function draw() {
        canvases.forEach((canvas, i) => {
            if (stale.delete(canvas)) drawings[i]();
        });
    }

    /** Where the i-th sample's line is drawn, as a shift of a part of a cell. */
    function shiftOf(i) {
        const angle = i * 2.4;
        const radius = 0.3 * Math.sqrt(((i * 7) % 10) / 10);
        return [radius * Math.cos(angle), radius * Math.sin(angle)];
    }

    // -- Texts -----------------------------------------------------------------------------------------------------------

    const isDrawn = () => state.drawing.includes(1);
    const asText = new Intl.NumberFormat("en");

    function describeLearning() {
        const steps = state.losses.length;
        const text =
            (isDrawn() ? "Dots: the path that you drew. " : "Dots: the best path of the map. ") +
            (steps === 0 ? "Press Learn." : `Step ${asText.format(steps)}: `) +
            (steps === 0 ? "" : state.firstRightStep > 0 ? `learned, first at step ${state.firstRightStep}.` : "not yet learned.");
        const shown = element("learned-text");
        if (shown.textContent !== text) shown.textContent = text;
    }

    function describeCursor() {
        const { row, column } = state.cursor;
        const i = row * side + column;
        const wanted = state.drawing[i] ? ", wanted path" : "";
        element("cursor-text").textContent =
            `row ${row + 1}, column ${column + 1}: ${terrainNames[state.terrains[i]]}${wanted}`;
    }

    function showSliders() {
        for (const output of document.querySelectorAll(".sliders output")) {
            const slider = element(output.htmlFor[0]);
            output.textContent = Number(slider.value).toFixed(slider.step === "0.1" ? 1 : 0);
        }
    }

    function showButtons() {
        element("play").textContent = state.isSampling ? "Pause" : "Sample";
        element("play").setAttribute("aria-pressed", String(state.isSampling));
        element("learn").textContent = state.isLearning ? "Stop" : "Learn";
        element("clear-path").disabled = !isDrawn();
    }

    // -- What the worker is told -----------------------------------------------------------------------------------------

    function sendWanted() {
        worker.postMessage({ type: "want", drawing: isDrawn() ? state.drawing : null });
        state.firstRightStep = 0;
        showButtons();
        describeLearning();
    }

    function sendMap() {
        worker.postMessage({ type: "paint", terrains: state.terrains });
        state.trails = [];
        if (!isDrawn()) sendWanted();
        requestFrame();
    }

    function sendSettings() {
        showSliders();
        worker.postMessage({ type: "settings", ...state.settings() });
        state.trails = [];
        requestFrame();
    }

    function startOver() {
        worker.postMessage({ type: "forget" });
        ++state.run;
        state.losses = [];
        state.lossMeans = [];
        state.firstRightStep = 0;
        if (state.last !== null) state.last.learnerPaths = [];
        stale.add(element("loss"));
        describeLearning();
        requestFrame();
    }

    function setLearning(on) {
        state.isLearning = on;
        showButtons();
        requestFrame();
    }

    // -- Frames ----------------------------------------------------------------------------------------------------------

    const frames = { number: 0, asked: 0, answered: 0, shown: 0, since: performance.now(), owedSteps: 0, before: 0 };

    // In a frame the visitor may have scrolled past the demo. Then it takes no samples; learning goes on.
    let isInView = true;
    new IntersectionObserver((entries) => (isInView = entries.at(-1).isIntersecting)).observe(element("demo"));

    /** One frame is wanted even while nothing moves. */
    function requestFrame() {
        frames.isWanted = true;
    }

    function onFrame(now) {
        const passed = Math.min(now - frames.before, 100);
        frames.before = now;
        draw();

        if (frames.asked === frames.answered) {
            let steps = 0;
            if (state.isLearning) {
                // At 60 steps a second there is one in each frame, however the screen's rate wavers.
                frames.owedSteps += (passed * Number(element("speed").value)) / 1000;
                steps = Math.min(Math.floor(frames.owedSteps + 0.02), mostSteps - state.losses.length);
                frames.owedSteps = Math.max(0, frames.owedSteps - steps);
            }
            const sample = (state.isSampling && isInView) || frames.isWanted === true;
            if (sample || steps > 0) {
                frames.isWanted = false;
                frames.asked = ++frames.number;
                worker.postMessage({ type: "frame", number: frames.number, run: state.run, sample, steps });
            }
        }

        if (now - frames.since >= 1000) {
            const moves = state.isSampling || state.isLearning;
            state.framesPerSecond = (frames.shown * 1000) / (now - frames.since);
            frames.shown = 0;
            frames.since = now;
            element("frames").textContent = moves ? state.framesPerSecond.toFixed(0) : "–";
            if (state.solvesPerSecond > 0)
                element("solves").textContent = asText.format(Number(state.solvesPerSecond.toPrecision(3)));
        }
        requestAnimationFrame(onFrame);
    }

    const receive = {
        ready() {
            element("notice").hidden = true;
            element("demo").hidden = false;
            readColours();
            fitCanvases();
            sendSettings();
            startOver();
            sendMap();
            sendWanted();
            requestAnimationFrame(onFrame);
        },

        failed({ message }) {
            complain(`The demo stopped: ${message}`);
        },

        wanted({ path }) {
            state.wantedPath = path;
            stale.add(element("map")).add(element("learned"));
        },

        frame(frame) {
            frames.answered = frame.number;
            ++frames.shown;
            const before = state.last;
            // What this frame did not compute anew stays.
            state.last = { ...frame };
            state.last.marginals ??= before?.marginals;
            state.last.learnerPaths ??= before?.learnerPaths;
            state.solvesPerSecond = frame.solvesPerSecond;
            state.learnedPath = frame.learnedPath;

            if (frame.paths) {
                for (const trail of state.trails) ++trail.age;
                const fresh = frame.paths.map((path, i) => ({ path, age: 0, shift: shiftOf(i) }));
                state.trails = state.trails
                    .filter(({ age }) => age < trailFrames)
                    .concat(fresh)
                    .slice(-mostTrails);
                state.sampled = frame.sampled;
                element("sampled").textContent = asText.format(frame.sampled);
                stale.add(element("map")).add(element("marginals"));
            }
            // (An answer may come when learning has begun anew.)
            if (frame.losses.length > 0 && frame.run === state.run) {
                state.losses.push(...frame.losses);
                state.lossMeans.push(...frame.losses.map((loss) => loss / frame.samples));
                state.firstRightStep = frame.firstRightStep;
                stale.add(element("loss"));
                describeLearning();
                if (state.losses.length >= mostSteps) setLearning(false);
            }
            if (frame.losses.length > 0 || !state.isLearning) stale.add(element("learned"));
        },
    };

    worker.onmessage = ({ data }) => receive[data.type](data);
    worker.onerror = (event) => complain(`The demo's worker did not start: ${event.message || "it was not found"}`);

    // -- Painting --------------------------------------------------------------------------------------------------------

    const map = element("map");
    let stroke = null; // the cell where the pointer was last, and whether the wanted path is drawn or wiped off

    function cellAt(event) {
        const box = map.getBoundingClientRect();
        const at = (value, start, size) => Math.min(side - 1, Math.max(0, Math.floor(((value - start) / size) * side)));
        return { row: at(event.clientY, box.top, box.height), column: at(event.clientX, box.left, box.width) };
    }

    /** Paints one cell. Returns whether that changed anything. */
    function paintCell({ row, column }, isDrawing) {
        const i = row * side + column;
        const kind = brush();
        const [target, value] =
            kind === "wanted" ? [state.drawing, isDrawing ? 1 : 0] : [state.terrains, Number(kind)];
        if (target[i] === value) return false;
        target[i] = value;
        return true;
    }

    function paintLine(from, to, isDrawing) {
        const length = Math.max(Math.abs(to.row - from.row), Math.abs(to.column - from.column), 1);
        let isChanged = false;
        for (let i = 0; i <= length; ++i) {
            const between = (a, b) => Math.round(a + ((b - a) * i) / length);
            const cell = { row: between(from.row, to.row), column: between(from.column, to.column) };
            isChanged = paintCell(cell, isDrawing) || isChanged;
        }
        state.cursor = to;
        stale.add(map);
        if (!isChanged) return;
        if (brush() === "wanted") sendWanted();
        else sendMap();
    }

    map.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || stroke !== null) return;
        map.setPointerCapture(event.pointerId);
        const cell = cellAt(event);
        stroke = { cell, pointer: event.pointerId, isDrawing: state.drawing[cell.row * side + cell.column] === 0 };
        paintLine(cell, cell, stroke.isDrawing);
    });
    map.addEventListener("pointermove", (event) => {
        if (stroke === null || event.pointerId !== stroke.pointer) return;
        const cell = cellAt(event);
        if (cell.row === stroke.cell.row && cell.column === stroke.cell.column) return;
        paintLine(stroke.cell, cell, stroke.isDrawing);
        stroke.cell = cell;
    });
    for (const type of ["pointerup", "pointercancel"])
        map.addEventListener(type, (event) => {
            if (event.pointerId === stroke?.pointer) stroke = null;
        });

    map.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
        const { row, column } = state.cursor;
        const isDrawing = state.drawing[row * side + column] === 0;
        if (event.key in moves) {
            const inside = (value) => Math.min(side - 1, Math.max(0, value));
            const to = { row: inside(row + moves[event.key][0]), column: inside(column + moves[event.key][1]) };
            state.cursor = to;
            if (event.shiftKey) paintLine(to, to, true);
        } else if (event.key === " " || event.key === "Enter") {
            paintLine(state.cursor, state.cursor, isDrawing);
        } else if (/^[1-5]$/.test(event.key)) {
            document.querySelectorAll("input[name=brush]")[Number(event.key) - 1].checked = true;
        } else {
            return;
        }
        event.preventDefault();
        stale.add(map);
        describeCursor();
    });
    for (const type of ["focus", "blur"]) map.addEventListener(type, () => stale.add(map));

    // -- Controls --------------------------------------------------------------------------------------------------------

    for (const id of ["temperature", "k", "samples"]) element(id).addEventListener("input", sendSettings);
    element("speed").addEventListener("input", showSliders);
    element("seed").addEventListener("change", () => {
        const seed = Math.min(2 ** 32 - 1, Math.max(0, Math.floor(Number(element("seed").value) || 0)));
        element("seed").value = String(seed);
        sendSettings();
        startOver();
    });
    element("play").addEventListener("click", () => {
        state.isSampling = !state.isSampling;
        showButtons();
    });
    element("learn").addEventListener("click", () => {
        if (!state.isLearning && state.losses.length >= mostSteps) startOver();
        setLearning(!state.isLearning);
    });
    element("start-over").addEventListener("click", startOver);
    element("clear-path").addEventListener("click", () => {
        state.drawing.fill(0);
        stale.add(map);
        sendWanted();
    });
    element("clear-map").addEventListener("click", () => {
        state.terrains.fill(0);
        sendMap();
    });
    element("example-map").addEventListener("click", showExampleMap);

    function showExampleMap() {
        state.terrains.set([...exampleMap.join("")].map((digit) => Number(digit) - 1));
        sendMap();
    }

    // A canvas of another size is empty, so it is drawn again before it is shown.
    new ResizeObserver(() => {
        if (colours === undefined) return;
        fitCanvases();
        draw();
    }).observe(element("demo"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
        readColours();
        for (const canvas of canvases) stale.add(canvas);
    });

    state.terrains.set([...exampleMap.join("")].map((digit) => Number(digit) - 1));
    showButtons();
    showSliders();
    describeLearning();
})();
