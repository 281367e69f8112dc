#!/bin/sh
# Checks what the headers include against the table of docs/architecture.md:  sh tests/docs/check_architecture.sh [ROOT]
#
# - A header includes its own room and those of earlier rows, never another room of its own row or of a later one.
# - A room's detail/ folder is included from that room alone.
# - imle.hpp includes neither testing, adapters nor a detail/ folder, and reaches every other public header.
# - Every room is in the table, and every header that is included is there.
#
# Says what is wrong and where, and ends with 1. ROOT is the folder with docs/ and include/; default: the project's.

set -eu
cd "${1-$(dirname "$0")/../..}"

find include/imle -name '*.hpp' | LC_ALL=C sort | LC_ALL=C awk '
    function complain(where, what) {
        print where ": " what
        bad = 1
    }
    # The room of core/errors.hpp is core; imle.hpp has none.
    function room_of(header) { return header ~ /\// ? substr(header, 1, index(header, "/") - 1) : "" }

    # Marks what a header reaches, itself included.
    function reach(header,    i) {
        if (header in reached) return
        reached[header]
        for (i = 1; i <= count[header]; ++i) reach(included[header, i])
    }

    BEGIN {
        page = "docs/architecture.md"
        while ((getline line < page) > 0) {
            if (line == "<!-- end of the rooms -->") inside = 0
            # The rooms of a row are the names in its first column.
            if (inside && line ~ /^\| `/) {
                ++level
                split(line, cells, "|")
                while (match(cells[2], /`[a-z_]+`/)) {
                    level_of[substr(cells[2], RSTART + 1, RLENGTH - 2)] = level
                    cells[2] = substr(cells[2], RSTART + RLENGTH)
                }
            }
            if (line == "<!-- rooms -->") inside = 1
        }
        close(page)
        if (!level) complain(page, "there is no table of rooms")
        umbrella = "imle.hpp"
    }

    {
        path = $0
        header = substr(path, length("include/imle/") + 1)
        headers[++header_count] = header
        known[header]
        room = room_of(header)
        if (room != "" && !(room in level_of) && !(room in missing)) {
            missing[room]
            complain(path, "the room " room " is not in the table of " page)
        }
        if (room == "" && header != umbrella) complain(path, "it stands in no room")
        number = 0
        while ((getline line < path) > 0) {
            ++number
            if (line ~ /^[ \t]*#[ \t]*include[ \t]*"/) complain(path ":" number, "expected <imle/...>: " line)
            if (!match(line, /^[ \t]*#[ \t]*include[ \t]*<imle\/[^>]*>/)) continue
            other = substr(line, 1, RLENGTH - 1)
            sub(/^.*<imle\//, "", other)
            ++include_count
            included[header, ++count[header]] = other
            line_of[header, count[header]] = number
        }
        close(path)
    }

    END {
        for (h = 1; h <= header_count; ++h) {
            header = headers[h]
            room = room_of(header)
            for (i = 1; i <= count[header]; ++i) {
                other = included[header, i]
                theirs = room_of(other)
                where = "include/imle/" header ":" line_of[header, i]
                if (!(other in known)) {
                    complain(where, "there is no " other)
                } else if (header == umbrella) {
                    if (theirs ~ /^(testing|adapters)$/ || other ~ /\/detail\//)
                        complain(where, other " is not for everybody")
                } else if (theirs == "") {
                    complain(where, other " includes everything")
                } else if (theirs != room) {
                    if (level_of[theirs] > level_of[room])
                        complain(where, room " is below " theirs ", and includes " other)
                    else if (level_of[theirs] == level_of[room])
                        complain(where, room " is beside " theirs ", and includes " other)
                    if (other ~ /\/detail\//) complain(where, other " is a detail of another room")
                }
            }
        }
        reach(umbrella)
        for (h = 1; h <= header_count; ++h) {
            header = headers[h]
            if (room_of(header) !~ /^(testing|adapters)$/ && header !~ /\/detail\// && !(header in reached))
                complain("include/imle/" umbrella, "it does not reach " header)
        }
        if (!include_count) complain("include/imle", "no include line was found")
        if (!bad) print include_count " include lines of " header_count " headers are as " page " says"
        exit bad
    }
'
