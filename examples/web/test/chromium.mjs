// Drives Chromium by its DevTools protocol over a pipe: no package is needed.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One headless browser with one page. */
export class Chromium {
    static async start(program) {
        const browser = new Chromium();
        browser.#profile = mkdtempSync(join(tmpdir(), "imle-chromium-"));
        const flags = ["--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage"];
        flags.push("--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars");
        flags.push(`--user-data-dir=${browser.#profile}`);
        if (process.getuid() === 0) flags.push("--no-sandbox");
        browser.#process = spawn(program, [...flags, "about:blank"], {
            stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
        });
        browser.#process.on("exit", () => browser.#fail(new Error(`${program} ended`)));
        browser.#process.on("error", (error) => browser.#fail(error));
        browser.#listen(browser.#process.stdio[4]);

        const { targetId } = await browser.#send("Target.createTarget", { url: "about:blank" });
        const { sessionId } = await browser.#send("Target.attachToTarget", { targetId, flatten: true });
        browser.#session = sessionId;
        for (const domain of ["Page", "Runtime", "Log"]) await browser.send(`${domain}.enable`);
        return browser;
    }

    /** What the page complained of: errors and warnings of the console, and exceptions. */
    complaints = [];

    /** One command to the page. */
    send(method, parameters = {}) {
        return this.#send(method, parameters, this.#session);
    }

    /** The value of an expression in the page. */
    async value(expression) {
        const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
            expression,
            returnByValue: true,
            awaitPromise: true,
        });
        if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
        return result.value;
    }

    /** Waits until an expression in the page is true. */
    async until(expression, seconds = 15) {
        const end = Date.now() + seconds * 1000;
        while (Date.now() < end) {
            if (await this.value(`Boolean(${expression})`)) return;
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        throw new Error(`after ${seconds} s it was not so: ${expression}`);
    }

    /** Opens an address, and returns when the page was loaded. */
    async open(address) {
        const loaded = this.#event("Page.loadEventFired");
        await this.send("Page.navigate", { url: address });
        await loaded;
    }

    async size(width, height, { scale = 1, dark = false } = {}) {
        await this.send("Emulation.setDeviceMetricsOverride", {
            width,
            height,
            deviceScaleFactor: scale,
            mobile: false,
        });
        const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
        await this.send("Emulation.setEmulatedMedia", { features });
    }

    /** Presses the mouse at the first point, moves it over the others, and lets it go. */
    async drag(points) {
        const mouse = (type, [x, y]) =>
            this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount: 1 });
        await mouse("mousePressed", points[0]);
        for (const point of points.slice(1)) await mouse("mouseMoved", point);
        await mouse("mouseReleased", points.at(-1));
    }

    /** The same with a finger. */
    async swipe(points) {
        const touch = (type, touchPoints) => this.send("Input.dispatchTouchEvent", { type, touchPoints });
        await touch("touchStart", [{ x: points[0][0], y: points[0][1] }]);
        for (const [x, y] of points.slice(1)) await touch("touchMove", [{ x, y }]);
        await touch("touchEnd", []);
    }

    /** Presses keys, by the names that the page sees. */
    async press(...keys) {
        for (const key of keys) {
            const text = key.length === 1 ? { text: key } : {};
            await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, ...text });
            await this.send("Input.dispatchKeyEvent", { type: "keyUp", key });
        }
    }

    /** Clicks the middle of what a selector finds. */
    async click(selector) {
        const point = await this.value(`(() => {
            const found = document.querySelector(${JSON.stringify(selector)});
            found.scrollIntoView({ block: "center" });
            const box = found.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()`);
        await this.drag([point]);
    }

    /** A picture of the page, as PNG. */
    async picture() {
        const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
        return Buffer.from(data, "base64");
    }

    async stop() {
        this.#isStopping = true;
        const ended = new Promise((resolve) => this.#process.once("exit", resolve));
        this.#send("Browser.close").catch(() => {});
        const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
        await ended;
        clearTimeout(timer);
        rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
    }

    #process;
    #profile;
    #session;
    #isStopping = false;
    #last = 0;
    #waiting = new Map(); // of commands, by number
    #events = new Map(); // of events, by name

    #send(method, params = {}, sessionId = undefined) {
        const id = ++this.#last;
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject });
            this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        });
    }

    #event(name) {
        return new Promise((resolve, reject) => this.#events.set(name, { resolve, reject }));
    }

    #listen(stream) {
        let rest = "";
        stream.setEncoding("utf8");
        stream.on("data", (data) => {
            const messages = (rest + data).split("\0");
            rest = messages.pop();
            for (const message of messages) this.#receive(JSON.parse(message));
        });
    }

    #receive({ id, result, error, method, params }) {
        if (id !== undefined) {
            const { resolve, reject } = this.#waiting.get(id);
            this.#waiting.delete(id);
            if (error) reject(new Error(error.message));
            else resolve(result);
            return;
        }
        if (method === "Runtime.exceptionThrown")
            this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        if (method === "Log.entryAdded" && /^(error|warning)$/.test(params.entry.level))
            this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
        if (method === "Runtime.consoleAPICalled" && /^(error|warning|assert)$/.test(params.type))
            this.complaints.push(params.args.map((argument) => argument.value ?? argument.description).join(" "));
        this.#events.get(method)?.resolve(params);
        this.#events.delete(method);
    }

    #fail(error) {
        if (this.#isStopping) return;
        for (const { reject } of [...this.#waiting.values(), ...this.#events.values()]) reject(error);
        this.#waiting.clear();
        this.#events.clear();
    }
}
