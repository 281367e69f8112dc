"""What Doxygen found in the headers, from its XML."""

import xml.etree.ElementTree as ET
from pathlib import Path


def text_of(element):
    """The words of a description, in one line."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def description(element):
    return " ".join(filter(None, (text_of(element.find(part)) for part in ("briefdescription", "detaileddescription"))))


class Reference:
    """names: the URL of each name of namespace imle; sources: of each header; rooms: those that have names.

    entries: (name, kind or class, URL, description) of each name and each public member, for the search.
    """

    def __init__(self, xml):
        self.names, self.sources, self.rooms, self.entries = {}, {}, set(), []
        for item in ET.parse(xml / "index.xml").getroot():
            if item.get("kind") in ("class", "struct", "concept", "group", "file"):
                self.read(ET.parse(xml / f"{item.get('refid')}.xml").getroot().find("compounddef"))

    def read(self, compound):
        url, name = f"{compound.get('id')}.html", compound.findtext("compoundname")
        if compound.get("kind") == "file":
            path = compound.find("location").get("file")
            self.sources[path[path.index("include/") :]] = f"{compound.get('id')}_source.html"
        elif compound.get("kind") == "group":
            if any(child.tag in ("innerclass", "innerconcept", "sectiondef") for child in compound):
                self.rooms.add(name.removeprefix("room_"))
            self.read_members(compound, url, "")
        else:
            short = name.removeprefix("imle::")
            self.entries.append((short, compound.get("kind"), url, description(compound)))
            if "detail" not in name:
                self.names.setdefault(name.split("::")[-1], url)
            self.read_members(compound, url, short)

    def read_members(self, compound, url, owner):
        for member in compound.iter("memberdef"):
            name = member.findtext("name")
            place = f"{url}#{member.get('id').rpartition('_1')[2]}"
            if not owner:
                self.names.setdefault(name, place)
            title = f"{owner}::{name}" if owner else name
            self.entries.append((title, member.get("kind"), place, description(member)))
