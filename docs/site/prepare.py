#!/usr/bin/env python3
"""What Doxygen reads to make the site:  prepare.py WORK [demo]

Writes WORK/include, the headers for Doxygen (see headers.py). Where Doxygen has made WORK/xml of these and its own
WORK/default_layout.xml, also WORK/pages, layout.xml (the menu), search_data.js, and the headers once more, with links
from code between backticks to the reference. `demo` says that the site has the demo, in demo/.
"""

import json
import re
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

import headers
import pages
from reference import Reference
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

NAMESPACES = [
    "/** @namespace imle\nAll public names. */\n",
    "/** @namespace imle::testing\nChecks for your own parts. */\n",
    "/** @namespace imle::detail\nWhat public classes derive from: names that nobody writes. */\n",
]


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
    lists = (("classlist", "All classes"), ("concepts", "All concepts"), ("filelist", "All headers"))
    menu = [
        '<tab type="mainpage" visible="yes" title="Start"/>',
        first,
        '<tab type="modules" visible="yes" title="API reference" intro=""/>',
        *rest,
        tab("Lists", "[none]", [f'<tab type="{kind}" visible="yes" title="{title}" intro=""/>' for kind, title in lists]),
    ]
    hidden = [f'<tab type="{kind}" visible="no"/>' for kind in ("pages", "namespaces")]
    text = re.sub(
        r"(?<=<navindex>\n).*(?=  </navindex>)", lambda _: "\n".join(menu + hidden) + "\n", default, flags=re.DOTALL
    )
    text = re.sub(
        r"( *<memberdecl>.*?</memberdecl>\n)(.*?)( *<detaileddescription [^>]*>\n)", r"\3\1\2", text, flags=re.DOTALL
    )
    # The description begins with the brief one, and a group need not list its namespace.
    text = text.replace('<briefdescription visible="yes"/>', '<briefdescription visible="no"/>')
    return text.replace('<namespaces visible="yes" title=""/>', '<namespaces visible="no"/>')


def search_data(reference, sections):
    """A script that holds what the search looks at: [title, where it is, URL, text] of each section and each name."""
    rows, seen = [], set()
    for row in [*sections, *reference.entries]:
        if (row[0], row[2]) not in seen:
            seen.add((row[0], row[2]))
            rows.append(row)
    return f"searchRows = {json.dumps(rows, ensure_ascii=False, separators=(',', ':'))}\n"


def main():
    work = Path(sys.argv[1])
    has_demo = "demo" in sys.argv[2:]
    xml = work / "xml"
    if not xml.exists():
        headers.write_all(work, Writer({}, {}))
        return
    reference = Reference(xml)
    difference = reference.rooms ^ {room for room, _, _ in ROOMS}
    if difference:
        sys.exit(f"docs/site/prepare.py: ROOMS and the headers differ: {', '.join(sorted(difference))}")
    if reference.lost:
        sys.exit(f"docs/site/prepare.py: no page of the reference has {', '.join(reference.lost)}")
    writer = Writer(reference.names, reference.sources)
    headers.write_all(work, writer)

    paths = ["README.md", *map(str, sorted(Path("docs").rglob("*.md")))]
    listed = {"README.md", "docs/README.md"} | {path for _, links in pages.menu() for _, path in links}
    if unlisted := set(paths) - listed:
        sys.exit(f"docs/README.md: it does not list {', '.join(sorted(unlisted))}")

    out = work / "pages"
    out.mkdir()
    sections = []
    for path in paths:
        text = pages.page(path, writer)
        if has_demo:
            text = pages.with_demo(path, text)
        (out / f"page_{page_id(path)}.md").write_text(text, encoding="utf-8")
        sections += pages.sections(path)
    for name, text in pages.file_pages(writer).items():
        (out / f"{name}.md").write_text(text, encoding="utf-8")
    groups = [f"/** @defgroup room_{room} {title}\n{writer.prose(text)} */\n" for room, title, text in ROOMS]
    (out / "groups.dox").write_text("".join(NAMESPACES + groups), encoding="utf-8")
    (work / "layout.xml").write_text(layout((work / "default_layout.xml").read_text(encoding="utf-8")))
    (work / "search_data.js").write_text(search_data(reference, sections), encoding="utf-8")


if __name__ == "__main__":
    main()
