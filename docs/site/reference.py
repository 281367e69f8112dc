"""What Doxygen found in the headers, from its XML."""

import xml.etree.ElementTree as ET
from pathlib import Path


def text_of(element):
    """The words of a description, in one line."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def description(element):
    return " ".join(filter(None, (text_of(element.find(part)) for part in ("briefdescription", "detaileddescription"))))


class Reference:
    """What Doxygen found.

    names: the URL of each name of namespace imle; sources: of each header; rooms: those that have names.

    entries: (name, kind, URL, description) of each name and each public member, for the search. lost: names that are
    in no group, and so on no page.
    """

    def __init__(self, xml):
        self.names, self.sources, self.rooms, self.entries, self.lost = {}, {}, set(), [], []
        self.classes, self.grouped = set(), set()
        for item in ET.parse(xml / "index.xml").getroot():
            if item.get("kind") in ("class", "struct", "concept", "group", "file", "namespace"):
                self.read(ET.parse(xml / f"{item.get('refid')}.xml").getroot().find("compounddef"))
        self.lost += sorted(self.classes - self.grouped)

    def read(self, compound):
        url, name = f"{compound.get('id')}.html", compound.findtext("compoundname")
        if compound.get("kind") == "file":
            path = compound.find("location").get("file")
            self.sources[path[path.index("include/") :]] = f"{compound.get('id')}_source.html"
        elif compound.get("kind") == "namespace":
            if name.startswith("imle"):
                members = [m for m in compound.iter("memberdef") if not m.get("id").startswith("group_")]
                self.lost += [f"{name}::{member.findtext('name')}" for member in members]
        elif compound.get("kind") == "group":
            if any(child.tag in ("innerclass", "innerconcept", "sectiondef") for child in compound):
                self.rooms.add(name.removeprefix("room_"))
            self.grouped |= {child.text for child in compound if child.tag in ("innerclass", "innerconcept")}
            self.read_members(compound, url, "")
        elif description(compound):
            short = name.removeprefix("imle::")
            self.entries.append((short, compound.get("kind"), url, description(compound)))
            self.grouped |= {child.text for child in compound.findall("innerclass")}
            if "detail" not in name:
                if compound.get("kind") != "concept":  # which the XML of a group leaves out
                    self.classes.add(name)
                self.names.setdefault(name.split("::")[-1], url)
            self.read_members(compound, url, short)

    def read_members(self, compound, url, owner):
        for member in compound.iter("memberdef"):
            if member.get("prot") != "public" or not description(member):
                continue
            name = member.findtext("name")
            place = f"{url}#{member.get('id').rpartition('_1')[2]}"
            if not owner:
                self.names.setdefault(name, place)
            title = f"{owner}::{name}" if owner else name
            self.entries.append((title, member.get("kind"), place, description(member)))
