"""Reads every #include of src/ and fails on an edge that the order of rooms forbids.

A room may use itself and the rooms before it. Only src/math sees CBLAS; the program sees public headers alone; nothing in
the library prints, and only base/thread.cc starts threads. usage: rooms.py ROOT, or rooms.py --self-test to see each rule fail on a planted edge.
"""

import pathlib
import re
import sys
import tempfile

import contract

ROOMS = ["base", "math", "optimizer", "icea", "model", "data", "store", "vectors", "train", "search", "wire", "cluster", "transport",
         "coordinator", "distributed", "capi", "cli"]
SOURCES = {".h", ".cc", ".c"}
PRINTING = {"iostream", "ostream", "print"}
PRINT_CALLS = re.compile(r"(?<![\w.>])(?:std::)?(v?printf|puts|putchar|perror|v?fprintf|fputs|fputc|cout|cerr|clog)\s*[(<]")
THREADS = re.compile(r"\b(pthread_create|thrd_create|std::(?:jthread|thread|async))\b(?!::)\s*[({\s]")


def without_comments(text):
    text = contract.without_comments(text)
    return re.sub(r"//[^\n]*", "", text)


def check_file(path, source, findings):
    room = path.relative_to(source).parts[0]
    place = f"src/{path.relative_to(source)}"
    if room not in ROOMS:
        findings.add(place, f"\"{room}\" is not in the list of rooms of tests/abi/rooms.py")
        return
    text = without_comments(path.read_text())
    for line, content in enumerate(text.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', content)
        if not include:
            if room != "cli" and PRINT_CALLS.search(content):
                findings.add(f"{place}:{line}", f"the library never prints: {content.strip()}")
            if room != "cli" and place != "src/base/thread.cc" and THREADS.search(content):
                findings.add(f"{place}:{line}", f"only src/base/thread.cc starts threads: {content.strip()}")
            continue
        angled, name = include.group(1) == "<", include.group(2)
        at = f"{place}:{line}"
        if re.search(r"cblas|openblas|lapacke", name):
            findings.check(room == "math", at, f"only src/math may include {name}")
        if room != "cli":
            findings.check(name not in PRINTING, at, f"the library may not include <{name}>")
        if angled:
            findings.check(not name.startswith("ngd"), at, f'write #include "{name}"')
            continue
        if name == "ngd.h" or name.startswith("ngd/"):
            continue
        first = name.split("/")[0]
        if room == "cli":
            # A file beside the one that includes it would be taken before the one that is meant.
            findings.check(".." not in name and (source / room / name).exists() and
                           (path.parent == source / room or not (path.parent / name).exists()), at,
                           f"the program includes public headers and its own files, not {name}")
        elif "/" not in name:
            findings.add(at, f"name the room: #include \"{room}/{name}\"")
        elif first not in ROOMS:
            findings.add(at, f"{name} is in no room; a library's header stands in <>")
        else:
            findings.check(ROOMS.index(first) <= ROOMS.index(room), at,
                           f"room {room} may not use room {first}: the order is {', '.join(ROOMS)}")
            findings.check((source / name).exists(), at, f"{name} does not exist")


def check(root):
    findings = contract.Findings()
    source = pathlib.Path(root) / "src"
    files = [path for path in sorted(source.rglob("*")) if path.suffix in SOURCES]
    findings.check(files, root, "no source was found")
    for path in files:
        check_file(path, source, findings)
    for path in contract.public_headers(root):
        for name in re.findall(r'#\s*include\s*[<"]([^>"]+)', path.read_text()):
            findings.check(name in ("stddef.h", "stdint.h") or name.startswith("ngd/"), path.name,
                           f"a public header may not include {name}")
    return findings


PLANTED = [
    ("base/a.cc", '#include "optimizer/b.h"', "room base may not use room optimizer"),
    ("optimizer/b.h", '#include "model/c.h"', "room optimizer may not use room model"),
    ("train/d.cc", '  #  include   "capi/guard.h"', "room train may not use room capi"),
    ("model/c.h", "#include <cblas.h>", "only src/math may include cblas.h"),
    ("model/c.h", "#include <openblas/cblas.h>", "only src/math may include openblas/cblas.h"),
    ("base/a.cc", "#include <iostream>", "the library may not include <iostream>"),
    ("base/a.cc", 'void f() { std::printf("x"); }', "the library never prints"),
    ("base/a.cc", 'void f() { std::cerr << 1; }', "the library never prints"),
    ("base/a.cc", "void f() { pthread_create(&id, nullptr, g, nullptr); }", "only src/base/thread.cc starts threads"),
    ("train/d.cc", "std::thread worker(g);", "only src/base/thread.cc starts threads"),
    ("base/team.h", "auto later = std::async(g);", "only src/base/thread.cc starts threads"),
    ("cli/main.cc", '#include "base/text.h"', "the program includes public headers"),
    ("cli/main.cc", '#include "../base/text.h"', "the program includes public headers"),
    ("cli/bench/bench.cc", '#include "clock.h"', "the program includes public headers"),
    ("base/a.cc", '#include "text.h"', "name the room"),
    ("base/a.cc", '#include "nlohmann/json.hpp"', "is in no room"),
    ("base/a.cc", '#include "base/absent.h"', "does not exist"),
    ("network/e.cc", "", "is not in the list of rooms"),
]
CLEAN = {
    "base/text.h": "#include <string>\n",
    "base/a.cc": '#include "base/text.h"\n// std::cout << "a comment"; #include "model/c.h"\n',
    "base/thread.cc": "int started = pthread_create(&id, nullptr, g, nullptr);\n",
    "math/m.cc": '#include <cblas.h>\n#include "base/text.h"\nint n = snprintf(nullptr, 0, "x");\n',
    "optimizer/b.h": '#include "math/m.h"\n',
    "math/m.h": "",
    "model/c.h": '#include "optimizer/b.h"\n',
    "train/d.cc": '#include "model/c.h"\n#include "ngd/error.h"\n',
    "capi/guard.h": '#include "train/d.h"\n',
    "train/d.h": "",
    "cli/main.cc": '#include "ngd.h"\n#include "table.h"\nint main() { std::puts("x"); }\n',
    "cli/table.h": "#include <iostream>\n",
    "cli/bench/bench.cc": '#include "bench/clock.h"\n#include "table.h"\n',
    "cli/bench/clock.h": "",
}


def self_test():
    findings = contract.Findings()
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "src"

        def write(name, text):
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return path

        for name, text in CLEAN.items():
            write(name, text)
        findings.check(not check(folder).lines, "clean tree", f"was refused: {check(folder).lines}")
        for name, text, expected in PLANTED:
            path = write(name, CLEAN.get(name, "") + text + "\n")
            lines = check(folder).lines
            findings.check(any(expected in line for line in lines), f"{name}: {text}", f"was not found; got {lines}")
            if name in CLEAN:
                write(name, CLEAN[name])
            else:
                path.unlink()
    return findings


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test().finish("planted edges are found"))
    sys.exit(check(sys.argv[1]).finish("rooms"))
