// Scenarios, and the report on one, as native.cpp reads and writes them.

const side = 16;

/** Reads a scenario: its numbers by name, `map` as 256 terrains from 0, `drawing` as 256 zeros and ones or null. */
export function readScenario(text) {
    const words = text.split(/\s+/).filter((word) => word !== "");
    const scenario = { drawing: null };
    while (words.length > 0) {
        const name = words.shift();
        if (name === "map") scenario.map = [...words.splice(0, side).join("")].map((c) => Number(c) - 1);
        else if (name === "drawing")
            scenario.drawing = [...words.splice(0, side).join("")].map((c) => (c === "#" ? 1 : 0));
        else scenario[name] = Number(words.shift());
    }
    return scenario;
}

function rows(numbers, separator, length = side) {
    let text = "";
    for (let i = 0; i < numbers.length; i += length)
        text += [...numbers.slice(i, i + length)].join(separator) + "\n";
    return text;
}

/** A path as text. */
export function pathText(path) {
    return rows(Array.from(path, (z) => (z !== 0 ? "#" : ".")), "");
}

/** The whole report: arrays of 256 numbers and the losses, each summed over the samples. */
export function report({ bestPath, sampled, counts, wantedPath, losses, learnedPath, firstStep }) {
    return (
        `best path\n${pathText(bestPath)}counts of ${sampled}\n${rows(counts, " ")}` +
        `wanted path\n${pathText(wantedPath)}losses\n${rows(losses, " ")}` +
        `learned path\n${pathText(learnedPath)}first learned at step ${firstStep}\n`
    );
}
