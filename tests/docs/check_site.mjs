// Looks at the site in a browser:  node check_site.mjs SITE CHROMIUM FOLDER_FOR_PICTURES   (see check_site.sh)

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Chromium } from "../../examples/web/test/chromium.mjs";
import { serve } from "../../examples/web/test/server.mjs";

const [site, program, pictures] = process.argv.slice(2);
const searches = {
    "gradient zeros": "troubleshooting.html#troubleshooting__my-gradient-is-all-zeros",
    imle_layer: "classimle_1_1imle__layer.html",
    spanning: "classimle_1_1spanning__tree.html",
    qwertz: undefined,
};

let failures = 0;
function expect(isRight, what) {
    if (isRight) return;
    console.log(`FAILED: ${what}`);
    ++failures;
}

const page = await Chromium.start(program);
const server = await serve(site, "/below/some/folder/");
const file = (name) => `${pathToFileURL(site)}/${name}`;

/** A picture to look at. */
async function shoot(name, width, height, dark) {
    await page.size(width, height, { dark });
    await page.value("new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))");
    const picture = await page.picture();
    writeFileSync(join(pictures, `${name}.png`), picture);
    return picture;
}

async function search(query) {
    await page.open(file(`index.html?q=${encodeURIComponent(query)}`));
    await page.until(`document.getElementById("search-results").textContent !== ""`);
}

// -- The demo ---------------------------------------------------------------------------------------------------------

const shown = (id) => `document.getElementById("${id}").getBoundingClientRect().height > 0`;
const onlyPicture = `${shown("demo-picture")} && !(${shown("demo-live")})`;
const inFrame = (expression) => `((window) => {
    const { document, imleDemo } = window;
    return ${expression};
})(document.querySelector("#demo-live iframe").contentWindow)`;

async function checkDemo() {
    await page.open(file("index.html"));
    expect(await page.value(onlyPicture), "from a file the picture is shown");

    await page.size(1280, 900);
    await page.open(server.address);
    await page.until(inFrame(`Number(document.getElementById("solves")?.textContent.replaceAll(",", "")) > 0`), 20);
    expect(await page.value(`${shown("demo-live")} && !(${shown("demo-picture")})`), "the demo is shown");
    for (const name of ["map", "marginals", "learned"]) {
        const colours = await page.value(
            inFrame(`((canvas) => {
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                return new Set(new Uint32Array(data.buffer)).size;
            })(document.getElementById("${name}"))`),
        );
        expect(colours > 10, `the canvas '${name}' has ${colours} colours`);
    }

    for (const [name, width, height] of [
        ["demo-wide", 1280, 1500],
        ["demo-narrow", 400, 3000],
    ])
        for (const dark of [false, true]) {
            await shoot(dark ? `${name}-dark` : name, width, height, dark);
            await page.value(inFrame("document.querySelector('details').open = !document.querySelector('details').open"));
            const fits = inFrame(`window.innerHeight === document.documentElement.scrollHeight &&
                window.innerWidth === document.documentElement.scrollWidth`);
            await page.until(fits, 5).catch(() => expect(false, `at ${width} pixels the frame is as large as the demo`));
        }

    await page.send("Emulation.setEmulatedMedia", { features: [] }); // which the frame would follow instead
    await page.open(server.address);
    await page.until(inFrame("imleDemo?.last"));
    const isDark = inFrame(`window.matchMedia("(prefers-color-scheme: dark)").matches`);
    const before = await page.value(isDark);
    await page.value(`document.querySelector("doxygen-awesome-dark-mode-toggle").click()`);
    await page.until(`${isDark} !== ${before}`, 5).catch(() => {
        expect(false, "the demo follows the switch for dark mode");
    });
    await page.value(`document.querySelector("doxygen-awesome-dark-mode-toggle").click()`);

    await page.value(`document.getElementById("doc-content").scrollTo(0, 1e6)`);
    await page.until(inFrame("imleDemo.framesPerSecond === 0"), 5).catch(() => {
        expect(false, "the demo rests while it is out of view");
    });

    await page.open(`${server.address}examples_web.html`);
    const link = await page.value(`document.querySelector("a[href='demo/index.html']")?.href`);
    expect(link !== undefined, "the demo's page links to the demo");
    if (link === undefined) return;
    await page.open(link);
    await page.until("window.imleDemo?.last").catch(() => expect(false, "the demo runs alone"));
}

async function checkDemoFails() {
    for (const missing of ["window.WebAssembly", "window.Worker", "page.js", "imle.wasm"]) {
        const isFile = !missing.startsWith("window");
        if (isFile) {
            server.missing.add(`demo/${missing}`);
            await page.send("Network.setCacheDisabled", { cacheDisabled: true });
        }
        const { identifier } = await page.send("Page.addScriptToEvaluateOnNewDocument", {
            source: isFile ? "" : `delete ${missing};`,
        });
        await page.open(server.address);
        await page.until(onlyPicture, 5).catch(() => expect(false, `without ${missing} the picture is shown`));
        await page.send("Page.removeScriptToEvaluateOnNewDocument", { identifier });
        server.missing.clear();
    }
}

try {
    // -- Pages on a screen as narrow as a telephone's -----------------------------------------------------------------

    // All that people wrote, and every sixteenth of those that Doxygen made by one pattern from the headers (but for
    // those that list source files).

    const pages = readdirSync(site).filter(
        (name) => name.endsWith(".html") && !/_source|_8hpp|^dir_|^file_|-members/.test(name),
    );
    expect(pages.length > 200, `there are only ${pages.length} pages`);
    const made = pages.filter((name) => /^(class|struct|concept|namespace|group)/.test(name));
    await page.size(400, 800);
    for (const name of pages.filter((name) => !made.includes(name) || made.indexOf(name) % 16 === 0)) {
        await page.open(file(name));
        const width = await page.value(
            `Math.max(document.documentElement.scrollWidth, document.getElementById("doc-content").scrollWidth)`,
        );
        expect(width <= 400, `${name} is ${width} pixels wide`);
    }
    for (const [query, wanted] of Object.entries(searches)) {
        await search(query);
        const links = await page.value(
            `[...document.querySelectorAll("#search-results a")].map((link) => link.getAttribute("href"))`,
        );
        expect(wanted ? links.slice(0, 3).includes(wanted) : links.length === 0, `${query} finds ${links}`);
    }

    // -- Pictures to look at ------------------------------------------------------------------------------------------

    for (const [name, address] of [
        ["first", "index.html"],
        ["guide", "layer.html"],
        ["class", "classimle_1_1imle__layer.html"],
        ["concept", "conceptimle_1_1Solver.html"],
        ["search", null],
    ]) {
        if (address === null) await search("shortest path");
        else await page.open(file(address));
        const light = await shoot(`${name}-wide`, 1280, 900, false);
        const dark = await shoot(`${name}-wide-dark`, 1280, 900, true);
        expect(!light.equals(dark), `${address} has no dark mode`);
        await shoot(`${name}-narrow`, 400, 800, false);
        await shoot(`${name}-narrow-dark`, 400, 800, true);
    }

    // -- The demo on the first page -----------------------------------------------------------------------------------

    const hasDemo = existsSync(join(site, "demo"));
    if (hasDemo) await checkDemo();
    else console.log("The demo was not looked at: the site was built without it, since emscripten is missing.");

    expect(page.complaints.length === 0, `pages complained: ${page.complaints.join("\n")}`);
    const strays = server.asked.filter((path) => !path.startsWith("/below/some/folder/"));
    expect(strays.length === 0, `pages asked for ${strays}`);
    if (hasDemo) await checkDemoFails();
} finally {
    await page.stop();
    server.stop();
}

if (failures === 0) console.log(`all is well; ${pictures}/*.png are to be looked at`);
process.exit(failures === 0 ? 0 : 1);
