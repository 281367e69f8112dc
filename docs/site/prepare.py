#!/usr/bin/env python3
"""What Doxygen reads to make the site:  prepare.py WORK [TAGFILE]

Writes to WORK: include/ (the headers, see headers.py); with TAGFILE, which Doxygen made of these headers, also pages/,
layout.xml (the menu) and links from code between backticks to the reference.
"""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from xml.sax.saxutils import quoteattr

import headers
import pages
from text import Writer, page_id

# The groups of the reference, in the order of the menu: room, title, what it holds.
ROOMS = [
    ("layer", "Layer", "`imle_layer`, its options, calls and passes."),
    ("solvers", "Solvers", "The built-in solvers, and what wraps a solver."),
    ("noise", "Noise", "Noise distributions."),
    ("targets", "Targets", "Target distributions."),
    ("estimators", "Other layers", "Other ways through a solver."),
    ("losses", "Losses", "Losses whose gradients go through a solver."),
    ("families", "Exact families", "Exponential families whose marginals are known exactly."),
    ("concepts", "Concepts", "What a solver, a noise, a target and a family must have, and their laws."),
    ("adapters", "Adapters", "Automatic differentiation engines, and solvers from other libraries."),
    ("testing", "Checks for your own parts", "Checks of laws, and families whose states are listed."),
    ("random", "Random numbers", "Keys, random numbers at any index, tables of quantiles."),
    ("parallel", "Threads", "Executors."),
    ("core", "Tensors and errors", "Which tensors the library takes, what it throws, its version."),
]


def read_tags(path):
    """The URL of each name of namespace imle and of each header's source, and the rooms that have public names."""
    names, sources, rooms = {}, {}, set()
    for compound in ET.parse(path).getroot():
        name, url = compound.findtext("name"), compound.findtext("filename")
        kind = compound.get("kind")
        if kind == "file":
            folder = compound.findtext("path")
            sources[folder[folder.index("include/") :] + name] = url.removesuffix(".html") + "_source.html"
        elif kind in ("class", "struct", "concept"):
            names[name.split("::")[-1]] = url if url.endswith(".html") else url + ".html"
        elif kind == "group":
            if any(child.tag in ("class", "concept", "member") for child in compound):
                rooms.add(name.removeprefix("room_"))
            for member in compound.findall("member"):
                anchor = f"{member.findtext('anchorfile')}#{member.findtext('anchor')}"
                names.setdefault(member.findtext("name"), anchor)
    return names, sources, rooms


def tab(title, url, inner=None):
    """A line of the menu, or a part of it that unfolds."""
    kind = "user" if inner is None else "usergroup"
    start = f'<tab type="{kind}" visible="yes" title={quoteattr(title)} url={quoteattr(url)}'
    return f"{start}/>" if inner is None else f"{start}>\n{chr(10).join(inner)}\n</tab>"


def layout(default):
    """Doxygen's own layout with our menu, and with descriptions above the lists of members."""
    first, *rest = [
        tab(title, "[none]", [tab(text, f"{page_id(path)}.html") for text, path in links])
        for title, links in pages.menu()
    ]
    reference = [tab(title, f"group__room__{room}.html") for room, title, _ in ROOMS]
    reference += [tab("All names", "annotated.html"), tab("All headers", "files.html")]
    menu = [tab("Start", "index.html"), first, tab("API reference", "[none]", reference), *rest]
    # Doxygen makes the lists only of what is in its layout.
    hidden = [f'<tab type="{kind}" visible="no"/>' for kind in ("pages", "modules", "namespaces")]
    text = re.sub(
        r"(?<=<navindex>\n).*(?=  </navindex>)", lambda _: "\n".join(menu + hidden) + "\n", default, flags=re.DOTALL
    )
    return re.sub(
        r"( *<memberdecl>.*?</memberdecl>\n)(.*?)( *<detaileddescription [^>]*>\n)", r"\3\1\2", text, flags=re.DOTALL
    )


def main():
    work = Path(sys.argv[1])
    tags = sys.argv[2:]
    if not tags:
        headers.write_all(work, Writer({}, {}))
        return
    names, sources, rooms = read_tags(tags[0])
    difference = rooms ^ {room for room, _, _ in ROOMS}
    if difference:
        sys.exit(f"docs/site/prepare.py: ROOMS and the headers differ: {', '.join(sorted(difference))}")
    writer = Writer(names, sources)
    headers.write_all(work, writer)

    out = work / "pages"
    out.mkdir(exist_ok=True)
    for path in ["README.md", *map(str, sorted(Path("docs").rglob("*.md")))]:
        (out / f"page_{page_id(path)}.md").write_text(pages.page(path, writer), encoding="utf-8")
    for name, text in pages.file_pages(writer).items():
        (out / f"{name}.md").write_text(text, encoding="utf-8")
    groups = [f"/** @defgroup room_{room} {title}\n{writer.prose(text)} */\n" for room, title, text in ROOMS]
    (out / "groups.dox").write_text("/** @namespace imle\nAll public names. */\n/** @namespace imle::testing\nChecks for your own parts. */\n/** @namespace imle::detail\nWhat public classes derive from, and no names to write. */\n" + "".join(groups), encoding="utf-8")
    (work / "layout.xml").write_text(layout((work / "default_layout.xml").read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
