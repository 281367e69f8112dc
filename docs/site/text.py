"""The project's Markdown, of its pages and of its comments, for Doxygen 1.9."""

import html
import os
import re

TOKEN = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)"
    r"|(?P<picture>!?)\[(?P<text>(?:[^][]|\[[^][]*\])*)\]\((?P<target>[^()\s]*)\)"
    r"|(?P<tag></?(?:a|br|details|div|img|kbd|p|picture|source|sub|summary|sup)\b[^<>]*>)",
    re.DOTALL,
)


def page_id(path):
    """docs/solvers/top_k.md becomes solvers_top_k.html."""
    if path in ("README.md", "docs/README.md"):
        return "index" if path == "README.md" else "documentation"
    return re.sub(r"\W", "_", path.removeprefix("docs/").removesuffix(".md"))


def file_id(path):
    """The page that shows a file which is none of README.md and docs/."""
    return "file_" + re.sub(r"\W", "_", path)


def slug(heading):
    """The anchor that a repository browser makes of a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


class Writer:
    """`names` and `sources`: the URL of each public name and of each header in the reference.

    Collects in `files` which other files of the repository the pages link to.
    """

    def __init__(self, names, sources):
        self.names = names
        self.sources = sources
        self.files = set()

    def prose(self, text, page="", link_names=True):
        """Text without code blocks. Between tokens, Doxygen's own signs and angle brackets are plain text.

        Bold becomes HTML, since Doxygen may miss the end of bold words with a link in them.
        """
        out, end, is_bold = [], 0, False

        def bold(_):
            nonlocal is_bold
            is_bold = not is_bold
            return "<b>" if is_bold else "</b>"

        for token in TOKEN.finditer(text):
            out.append(re.sub(r"\*\*", bold, self.plain(text[end : token.start()])))
            if token["ticks"]:
                out.append(self.code(token, link_names))
            else:
                out.append(self.tag(token["tag"], page) if token["tag"] else self.link(token, page))
            end = token.end()
        out.append(re.sub(r"\*\*", bold, self.plain(text[end:])))
        return "".join(out)

    @staticmethod
    def plain(text):
        return re.sub(r"<(?!!--)|[\\@#%](?=\w)", r"\\\g<0>", text)

    def code(self, token, link_names):
        """A public name leads to its entry in the reference. A quote ends what single backticks began."""
        span = f"``{token['code']}``" if "'" in token["code"] else token.group()
        url = self.names.get(token["code"].removeprefix("imle::").removesuffix("{}"))
        return f"[{span}]({url})" if url and link_names else span

    def link(self, token, page):
        url, text = self.url(token["target"], page), " ".join(token["text"].split())
        if token["picture"]:
            return f'<img src="{url}" alt="{html.escape(text)}"/>'
        return f"[{self.prose(text, page, link_names=False)}]({url})"

    def tag(self, tag, page):
        """HTML in a page. Of a picture with sources, which Doxygen does not know, only the picture stays."""
        if re.match("</?(?:picture|source)", tag):
            return ""
        return re.sub(r'((?:src|href)=")([^"]*)', lambda m: m.group(1) + self.url(m.group(2), page), tag)

    def url(self, target, page):
        """Where a link of a page leads to in the site."""
        if re.match(r"[a-z]+:", target):
            return target
        path, _, fragment = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if path == "README.md" or re.match(r"docs/.*\.md$", path):
            return f"{page_id(path)}.html" + (f"#{page_id(path)}__{fragment}" if fragment else "")
        if path.startswith("docs/images/"):
            return path.removeprefix("docs/")
        if path in self.sources:
            return self.sources[path]
        if path == "include/imle":
            return "files.html"
        self.files.add(path)
        return file_id(path) + ".html"
