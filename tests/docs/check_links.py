#!/usr/bin/env python3
"""Checks the links of a site:  check_links.py FOLDER

Each link, picture, frame, script and entry of the menu and of the search leads to a file below the folder and, if it
names one, to an anchor of it; none leads to the root of a server. Says what is wrong, and ends with 1. (linkchecker, which reads a page
once for each anchor that is linked to, takes four minutes for what takes seconds here.)
"""

import os
import re
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    root = sys.argv[1]
    names = sorted(
        os.path.relpath(os.path.join(folder, name), root) for folder, _, files in os.walk(root) for name in files
    )
    pages = {name: Page(read(os.path.join(root, name))) for name in names if name.endswith(".html")}
    links = {(name, link) for name, page in pages.items() for link in page.links}
    for name in names:
        # The menu, the tree of pages and the search are scripts. (Doxygen's tree below a header has anchors that are on
        # the page of the header's group.)
        if name.endswith(".js"):
            found = re.findall(r'"([^"\s]+\.html)(#[^"\s]*)?"', read(os.path.join(root, name)))
            links |= {(name, link if name.endswith("_8hpp.js") else link + anchor) for link, anchor in found}

    wrong = []
    for name, link in sorted(links):
        url = urlsplit(link)
        if url.scheme in ("http", "https", "mailto", "javascript", "data"):
            continue
        target, anchor = unquote(url.path), unquote(url.fragment)
        target = os.path.normpath(os.path.join(os.path.dirname(name), target)) if target else name
        if url.scheme or url.netloc or target.startswith(("/", "../")):
            wrong.append(f"{name}: {link} leaves the folder")
        elif not os.path.exists(os.path.join(root, target)):
            wrong.append(f"{name}: {link} leads nowhere")
        elif anchor and target in pages and anchor not in pages[target].anchors:
            wrong.append(f"{name}: there is no anchor for {link}")
    if not links or "index.html" not in pages:
        wrong.append(f"{root} is no site")
    print("\n".join(wrong) or f"{len(links)} links of {len(pages)} pages are right")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
