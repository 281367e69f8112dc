// The search: every section of the pages and every name of the reference. searchRows, in search_data.js, is
// [[title, where it is, URL, text], ...].
"use strict";

let searchRows;

const Search = {
    most: 20,  // results shown

    // Each word must be somewhere; in a title it counts more, at the beginning of one the most.
    score(row, words) {
        const [title, where, , text] = row.lower;
        let sum = 0;
        for (const word of words) {
            const at = title.indexOf(word);
            const begins = at === 0 || (at > 0 && /[^a-z0-9]/.test(title[at - 1]));
            if (at >= 0) sum += (begins ? 20 : 8) + (title.length === word.length ? 30 : 0) - title.length / 20;
            else if (where.includes(word)) sum += 4;
            else if (text.includes(word)) sum += 1 + Math.min(text.split(word).length, 10) / 5;
            else return 0;
        }
        return sum;
    },

    find(query) {
        const words = query.toLowerCase().split(/[\s,;]+/).filter(word => word);
        if (!words.length) return [];
        for (const row of searchRows) row.lower = row.lower || row.map(part => part.toLowerCase());
        return searchRows.map(row => ({ row, score: Search.score(row, words) }))
            .filter(found => found.score > 0)
            .sort((a, b) => b.score - a.score)
            .slice(0, Search.most)
            .map(({ row }) => ({ row, at: Math.max(0, row.lower[3].indexOf(words[0]) - 40) }));
    },

    show(box, list) {
        const found = searchRows ? Search.find(box.value) : [];
        list.replaceChildren(...found.map(({ row: [title, where, url, text], at }) => {
            const link = document.createElement("a");
            link.href = Search.root + url;
            for (const [tag, words] of [["b", title], ["i", where], ["span", (at ? "... " : "") + text.substr(at, 140)]]) {
                link.appendChild(document.createElement(tag)).textContent = words;
            }
            return link;
        }));
        if (!found.length && box.value && searchRows) list.textContent = "Nothing was found.";
        list.hidden = !box.value;
    },

    init(root) {
        Search.root = root;
        const box = document.getElementById("search-box"), list = document.getElementById("search-results");
        const load = () => {
            if (document.getElementById("search-data")) return;
            const script = document.createElement("script");  // a file of one's own disk can be read in no other way
            script.id = "search-data";
            script.src = root + "search_data.js";
            script.onload = () => Search.show(box, list);
            document.head.appendChild(script);
        };
        // index.html?q=words has them looked up.
        box.value = new URLSearchParams(location.search).get("q") || "";
        if (box.value) load();
        box.addEventListener("focus", load);
        box.addEventListener("input", () => { load(); Search.show(box, list); });
        document.addEventListener("keydown", event => {
            const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
            if (event.key === "/" && document.activeElement !== box) box.focus();
            else if (event.key === "Escape") list.hidden = true;
            else if (list.hidden || (document.activeElement !== box && at < 0)) return;
            else if (event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus();
            else if (event.key === "ArrowUp") (links[at - 1] || box).focus();
            else if (event.key === "Enter" && at < 0) links[0]?.click();
            else return;
            event.preventDefault();
        });
        document.addEventListener("click", event => {
            if (!list.contains(event.target) && event.target !== box) list.hidden = true;
        });
    },
};
