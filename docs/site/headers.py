"""The headers as Doxygen 1.9 can read them, line for line.

- The inline namespace of the instruction set, which users never write, goes away.
- So does what is in a namespace detail, but for the classes that public ones derive from, whose members are public.
- So does what is private or protected, and what the compiler makes of copying, moving and destroying.
- So do deduction guides, which Doxygen takes for functions.
- What a using-declaration makes public is declared.
- Names of namespace imle and the macros of the version join the group of their room, the folder under include/imle: one
  page of the reference.
- Comments are Markdown as in docs/.
"""

import re
from pathlib import Path

M, S = re.MULTILINE, re.DOTALL
BASES = re.compile(r"\bpublic (?:imle::)?detail::(\w+)")
DETAIL = re.compile(r"(^namespace [\w:]*\bdetail[\w:]* \{$)(.*?)(^\}  // namespace [\w:]*\bdetail[\w:]*$)", M | S)
CLASS = re.compile(
    r"(?:^///[^\n]*\n)*(?:^template <[^{};]*>\n)?^(?:class|struct) (?P<name>\w+)\b[^{};]*\{(?P<body>.*?)^\};$", M | S
)
GUIDE = re.compile(r"^(?:template <[^;{}]*>\n)?([a-z_]+)\((?:[^;{}]|\{\})*\)\s*->\s*\1\b[^;{}]*;", M)
SPECIAL = re.compile(r"^ *(?:\w+& operator=|~?\w+)\((?:(?:const )?\w+&&?)?\)(?: noexcept)? = (?:default|delete);", M)
HIDDEN = re.compile(r"^  (?:private|protected):$.*?(?=^  public:$|^\};$)", M | S)
USING = re.compile(r"^ *using (?:typename )?(?:detail::)?(\w+)(?:<[^;]*>)?::~?(\w+)((?:, \1::\w+)*);", M)
SEVERAL = re.compile(r"(?P<comment>(?:^    ///.*\n)+)^    (?P<type>[\w:<>]+) (?P<names>\w+(?:, \w+)+);$", M)
OPENING = re.compile(r"^namespace (?:imle|testing|imle::testing) \{$", M)
CLOSING = re.compile(r"^\}  // namespace (?:imle|testing|imle::testing)$", M)
COMMENT = re.compile(r"^ *///.*(?:\n *///.*)*", M)

# A class of namespace detail that users meet, though no public class derives from it: the pass of a shared theta.
MET = {"shared_pass"}


def blank(text):
    return "\n" * text.count("\n")


def without_detail(text, shown):
    """Keeps of namespaces detail the classes of these names."""

    def kept(match):
        opening, inside, closing = match.groups()
        out, end = [], 0
        for found in CLASS.finditer(inside):
            if found["name"] in shown:
                out += [blank(inside[end : found.start()]), found.group()]
                end = found.end()
        return "".join([opening, *out, blank(inside[end:]), closing])

    return DETAIL.sub(kept, text)


def declarations(body, name):
    """The comments and declarations of a class's members of this name, in one line."""
    out, said = [], []
    lines = body.split("\n")
    for i, line in enumerate(lines):
        if line.startswith("    ///"):
            said.append(line.strip(" /"))
        elif re.match(rf"    (?! |//).*\b{name}\(", line) and not lines[i - 1].startswith("    template <"):
            declaration = re.match(r"(?:[^{;]|\{\})*", "\n".join(lines[i:])).group().split(") : ")[0].split(")\n")[0].strip()
            declaration += ")" * (declaration.count("(") - declaration.count(")"))
            out.append(f"/** {' '.join(said)} */ {declaration};".replace("\n", " "))
        if not line.startswith(("    ///", "    template <")):
            said.clear()
    return " ".join(out)


def expand_using(text, bodies):
    """In each class, the members that it has from a base by a using-declaration."""

    def in_class(found):
        def expanded(using):
            base, first, rest = using.groups()
            if base not in bodies:
                return using.group()
            out = [declarations(bodies[base], name) for name in [first, *re.findall(r"::(\w+)", rest)]]
            if base == first:  # constructors
                out = [re.sub(rf"\b{base}\(", f"{found['name']}(", out[0])]
            return " ".join(out) + blank(using.group())

        return USING.sub(expanded, found.group())

    return CLASS.sub(in_class, text)


def comment(text, writer):
    """A block of /// lines. Lines that are indented by four more are code, and `@file` is a command."""
    lines = [re.match(r"( *///) ?(.*)", line).groups() for line in text.split("\n")]
    prose = [i for i, (_, line) in enumerate(lines) if not line.startswith(("    ", "@"))]
    # One text, since code between backticks may go over the end of a line.
    written = writer.prose("\n".join(lines[i][1] for i in prose)).split("\n")
    texts = dict(zip(prose, written))
    return "\n".join(f"{start} {texts.get(i, line)}".rstrip() for i, (start, line) in enumerate(lines))


def one_by_one(several):
    """The members that one declaration declares, each with its comment."""
    first, *rest = several["names"].split(", ")
    text = re.sub(r"^ */// ?", "", several["comment"], flags=M).replace("\n", " ")
    more = "".join(f" /** {text}*/ {several['type']} {name};" for name in rest)
    return f"{several['comment']}    {several['type']} {first};{more}"


def write_all(target, writer):
    """Writes include/ to `target`."""
    paths = sorted(Path("include").rglob("*.hpp"))
    texts = [path.read_text(encoding="utf-8").replace("::inline IMLE_ABI", "") for path in paths]
    shown = {name for text in texts for name in BASES.findall(text)} | MET
    texts = [COMMENT.sub(lambda match: comment(match.group(), writer), without_detail(text, shown)) for text in texts]
    bodies = {found["name"]: found["body"] for text in texts for found in CLASS.finditer(text)}
    for path, text in zip(paths, texts):
        room = path.parts[2]
        text = expand_using(text, bodies)
        text = GUIDE.sub(lambda match: blank(match.group()), text)
        text = re.sub(r"^#define IMLE_(?:DETAIL_\w+|ABI)\b.*", "", text, flags=M)
        text = SPECIAL.sub("", HIDDEN.sub(lambda match: blank(match.group()), text))
        text = SEVERAL.sub(one_by_one, text)
        text = OPENING.sub(rf"\g<0> /** @addtogroup room_{room} */ /** @{{ */", text)
        text = CLOSING.sub(r"/** @} */ \g<0>", text)
        if "#define IMLE_VERSION" in text:
            text = text.replace("\n\n", f"\n/** @addtogroup room_{room} */ /** @{{ */\n", 1) + "/** @} */\n"
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
