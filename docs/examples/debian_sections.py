#!/usr/bin/env python3
"""Turns `apt-cache dumpavail` into labelled text: which section does a package's short description belong to?

    apt-cache dumpavail | debian_sections.py TRAIN TEST

Both files get one line a package, `section TAB words`, sorted by the SHA-1 of the package's name: the same package
lists always give the same bytes, and neighbours have nothing in common, which programs that do not shuffle need. A
package goes to TEST when that SHA-1, taken modulo ten, is 0: the split depends on nothing but the name. The section loses its archive area ("contrib/games" is games): the area tells
the licence, not the subject. Descriptions are lower-cased; every punctuation mark becomes a word of its own.
"""
import hashlib
import re
import sys


def packages(lines):
    """Yields (name, section, description) of each stanza that has all three."""
    fields = {}
    for line in lines:
        line = line.rstrip("\n")
        if not line:
            yield fields.get("Package"), fields.get("Section"), fields.get("Description")
            fields = {}
        elif not line[0].isspace():  # other lines continue the field above; the short description is one line
            name, _, value = line.partition(":")
            fields.setdefault(name, value.strip())
    yield fields.get("Package"), fields.get("Section"), fields.get("Description")


def words(text):
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))


def digest(name):
    return int(hashlib.sha1(name.encode()).hexdigest(), 16)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: apt-cache dumpavail | debian_sections.py TRAIN TEST")
    rows = {}
    for name, section, description in packages(open(sys.stdin.fileno(), encoding="utf-8", errors="replace")):
        if name and section and description and words(description):
            rows[name] = section.rsplit("/", 1)[-1] + "\t" + words(description)
    if not rows:
        sys.exit("debian_sections.py: found no package with a section and a description")
    counts = [0, 0]
    with open(sys.argv[1], "w", encoding="utf-8") as train, open(sys.argv[2], "w", encoding="utf-8") as test:
        for name in sorted(rows, key=digest):
            held_out = digest(name) % 10 == 0
            (test if held_out else train).write(rows[name] + "\n")
            counts[held_out] += 1
    sections = len({row.split("\t")[0] for row in rows.values()})
    print(f"{counts[0]} packages to train on, {counts[1]} held out, {sections} sections")


if __name__ == "__main__":
    main()
