"""README.md and docs/ as Doxygen's pages: the text stays; headings and links get what Doxygen wants."""

import os
import re
from pathlib import Path

from text import file_id, page_id, slug

CODE_FILES = {".cpp", ".hpp", ".sh", ".txt", ".cmake", ".gnuplot", ".mps", ""}


class Anchors:
    """The labels of a page's headings, in their order."""

    def __init__(self, page):
        self.page = page
        self.seen = []

    def next(self, marks, text):
        if marks == "#":
            return "mainpage" if self.page == "index" else self.page
        anchor = slug(text)
        self.seen.append(anchor)
        again = self.seen.count(anchor) - 1
        return f"{self.page}__{anchor}" + (f"-{again}" if again else "")


def blocks(path):
    """The page as (kind, text): "heading", "prose" (a paragraph, since code and links may go over the end of a line),
    "code" (a line of it, fences included), or "other"."""
    paragraph, fenced = [], False
    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        fence = line.lstrip().startswith("```")
        if fenced or fence or line.startswith("    "):
            kind = "code"
        elif re.match("#+ ", line):
            kind = "heading"
        else:
            kind = "other" if not line or line.startswith("<!--") else "prose"
        fenced ^= fence
        if kind == "prose":
            paragraph.append(line)
            continue
        if paragraph:
            yield "prose", "\n".join(paragraph)
            paragraph = []
        yield kind, line
    if paragraph:
        yield "prose", "\n".join(paragraph)


def page(path, writer, label=None):
    """The page for Doxygen."""
    anchors, out = Anchors(label or page_id(path)), []
    for kind, text in blocks(path):
        if kind == "heading":
            marks, text = text.split(" ", 1)
            text = f"{marks} {writer.prose(text, path, link_names=False)} {{#{anchors.next(marks, text)}}}"
        elif kind == "prose":
            text = writer.prose(text, path)
        elif text.startswith("<!--"):
            continue
        out.append(text)
    contents = "\n[TOC]\n" if len(anchors.seen) > 2 and anchors.page != "index" else ""
    return "\n".join([out[0], contents, *out[1:]])


def with_demo(path, text):
    """The page, as page() makes it, with the live demo: the first page shows it instead of its first picture, which
    stays where the demo cannot run; its own page links to it."""
    if path == "README.md":
        old = r"(?m)^<img .*\n\n(?:.+\n)+"  # a picture and its caption
        live = Path("docs/site/demo.html").read_text(encoding="utf-8")
        new = f'@htmlonly[block]\n<div id="demo-picture">\n@endhtmlonly\n\n{{}}\n@htmlonly[block]\n</div>\n{live}@endhtmlonly\n'
    elif path == "docs/examples/web.md":
        old = r"\n\n(?:.+\n)+(?=\n```)"  # its first paragraph
        new = "{}\n**[Open the demo](demo/index.html).** It runs here.\n"
    else:
        return text
    text, count = re.subn(old, lambda found: new.replace("{}", found.group()), text, count=1)
    if not count:
        raise ValueError(f"{path}: there is no place for the demo")
    return text


def sections(path):
    """(heading, page's title, URL, text) of each section, for the search."""
    anchors, found = Anchors(page_id(path)), []
    for kind, text in blocks(path):
        if kind == "heading":
            marks, text = text.split(" ", 1)
            anchor = anchors.next(marks, text)
            fragment = "" if marks == "#" else f"#{anchor}"
            found.append([text.replace("`", ""), "", f"{page_id(path)}.html{fragment}", []])
        elif found and kind in ("prose", "code"):
            found[-1][3].append(text)
    title = found[0][0]
    return [
        (heading, "" if url.endswith(".html") else title, url, plain("\n".join(text)))
        for heading, _, url, text in found
    ]


def plain(text):
    """Markdown as words, in one line."""
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^[ |:-]+$|[`|]|\*\*|^ *```.*$", " ", text, flags=re.MULTILINE)
    return " ".join(text.split())


def file_pages(writer):
    """Pages of the files that others link to; a folder is a list of its files."""
    pages, waiting = {}, sorted(writer.files)
    while waiting:
        path = waiting.pop(0)
        label = file_id(path)
        if label in pages:
            continue
        if path.endswith(".md"):
            pages[label] = page(path, writer, label)
            waiting += sorted(writer.files)
            continue
        if os.path.isdir(path):
            files = [str(file) for file in sorted(Path(path).rglob("*")) if file.is_file()]
            inside = [file for file in files if Path(file).suffix in CODE_FILES]
            waiting += inside
            body = "\n".join(f"- [{file}]({file_id(file)}.html)" for file in inside)
        else:
            body = f"```{'cpp' if path.endswith('pp') else ''}\n{Path(path).read_text(encoding='utf-8')}```"
        pages[label] = f"# {path} {{#{label}}}\n\n{body}\n"
    return pages


def menu():
    """The sections of docs/README.md, each with its title and its pages: [(title, [(text, path)])].

    A section is a heading or a paragraph, whose first words (up to a comma or a colon) are the title, before a list.
    """
    sections = []
    for block in re.split(r"\n\n+", Path("docs/README.md").read_text(encoding="utf-8")):
        heading = re.match(r"##+ (.*)", block)
        if block.startswith("- ") and sections:
            for text, path in re.findall(r"\[([^]]*)\]\(([^)#]*)\)", block):
                text = text.replace("`", "")
                title = text[0].upper() + text[1:] if " " in text else text
                sections[-1][1].append((title, os.path.normpath(f"docs/{path}")))
        elif heading or not (block.startswith("#") or (sections and sections[-1][2] and not sections[-1][1])):
            title = heading.group(1) if heading else re.split(r"[,:]", block.split("\n")[0])[0]
            sections.append((title, [], bool(heading)))
    return [(title, links) for title, links, _ in sections if links]
