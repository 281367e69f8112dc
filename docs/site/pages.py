"""README.md and docs/ as Doxygen's pages: the text stays; headings and links get what Doxygen wants."""

import os
import re
from pathlib import Path

from text import file_id, page_id, slug

CODE_FILES = {".cpp", ".hpp", ".sh", ".txt", ".cmake", ".gnuplot", ".mps", ""}


def page(path, writer):
    """One page, paragraph by paragraph, since code and links may go over the end of a line."""
    own = page_id(path)
    out, paragraph, anchors, fenced = [], [], [], False

    def end_paragraph():
        if paragraph:
            out.append(writer.prose("\n".join(paragraph), path))
            paragraph.clear()

    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        heading = re.match(r"(#+) (.*)", line)
        if not (line.lstrip().startswith("```") or fenced or heading or line.startswith(("    ", "<!--"))) and line:
            paragraph.append(line)
            continue
        end_paragraph()
        if line.lstrip().startswith("```"):
            fenced = not fenced
            out.append(line)
        elif heading and not fenced:
            marks, text = heading.groups()
            anchor = slug(text)
            anchors.append(anchor)
            if anchors.count(anchor) > 1:
                anchor += f"-{anchors.count(anchor) - 1}"
            title = "mainpage" if own == "index" else own
            label = title if marks == "#" else f"{own}__{anchor}"
            out.append(f"{marks} {writer.prose(text, path, link_names=False)} {{#{label}}}")
        elif fenced or not line.startswith("<!--"):
            out.append(line)
    end_paragraph()
    return "\n".join(out)


def file_pages(writer):
    """Pages of the files that others link to; a folder is a list of its files."""
    pages, waiting = {}, sorted(writer.files)
    while waiting:
        path = waiting.pop(0)
        if file_id(path) in pages:
            continue
        if os.path.isdir(path):
            inside = [
                str(file) for file in sorted(Path(path).rglob("*")) if file.is_file() and file.suffix in CODE_FILES
            ]
            waiting += inside
            body = "\n".join(f"- [{file}]({file_id(file)}.html)" for file in inside)
        else:
            body = f"```{'cpp' if path.endswith(('pp', '.h')) else ''}\n{Path(path).read_text(encoding='utf-8')}```"
        pages[file_id(path)] = f"# {path} {{#{file_id(path)}}}\n\n{body}\n"
    return pages


def menu():
    """The sections of docs/README.md, each with its title and its pages: [(title, [(text, path)])]."""
    sections = []
    for line in Path("docs/README.md").read_text(encoding="utf-8").split("\n\n"):
        lines = line.split("\n")
        if line.startswith("- ") and sections:
            links = re.findall(r"\[([^]]*)\]\(([^)#]*)\)", line)
            sections[-1][1].extend((text.replace("`", ""), os.path.normpath(f"docs/{path}")) for text, path in links)
        elif not line.startswith("#"):
            sections.append((lines[0].partition(",")[0].rstrip(":"), []))
    return [section for section in sections if section[1]]
