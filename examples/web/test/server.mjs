// A file server for tests.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const types = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
};

/** Serves a folder below `path` ("/some/where/"), and nothing else: its address, what was asked for, and the names of files to deny. */
export async function serve(folder, path) {
    const asked = [];
    const missing = new Set();
    const server = createServer(async (request, response) => {
        asked.push(request.url);
        const name = request.url.startsWith(path) ? request.url.slice(path.length).replace(/\?.*/, "") : null;
        try {
            if (name === null || normalize(name).startsWith("..") || missing.has(name)) throw new Error();
            const file = name === "" ? "index.html" : name;
            const content = await readFile(join(folder, file));
            response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" });
            response.end(content);
        } catch {
            response.writeHead(404).end();
        }
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
        address: `http://127.0.0.1:${server.address().port}${path}`,
        asked,
        missing,
        stop: () => server.close(),
    };
}
