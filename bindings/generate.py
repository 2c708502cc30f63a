#!/usr/bin/env python3
"""Writes the generated parts of the bindings from the public headers; --check only compares.

Needs nothing beyond Python's standard library. Run it after a change of include/ngd/*.h and commit what it wrote.
"""

import argparse
import pathlib
import sys

from generator import api, emit_json, emit_python

BINDINGS = pathlib.Path(__file__).resolve().parent

# Each generated file and what writes it; a further language adds a line here and a module beside the others.
OUTPUTS = {
    "ngd_api.json": emit_json.emit,
    "python/ngd/_raw.py": emit_python.emit,
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--include", type=pathlib.Path, default=BINDINGS.parent / "include")
    arguments.add_argument("--output", type=pathlib.Path, default=BINDINGS, help="folder of the bindings")
    arguments.add_argument("--check", action="store_true", help="fail when a file is not what would be written")
    options = arguments.parse_args()
    try:
        model = api.read_headers(options.include)
    except api.ParseError as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 1
    stale = []
    for name, emit in OUTPUTS.items():
        path, text = options.output / name, emit(model)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and options.check:
        print(f"generate.py: not what the headers say: {', '.join(stale)}; run bindings/generate.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
