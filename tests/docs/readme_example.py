"""Takes every ```c block out of README.md, compiles it against the library and runs it. A block without main() is put into
one, after `#include "ngd.h"`. usage: readme_example.py ROOT libngd.so CC"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile


def program_of(block):
    if "main(" in block:
        return block
    includes = [line for line in block.splitlines() if line.startswith("#include")]
    body = [line for line in block.splitlines() if not line.startswith("#include")]
    return "\n".join(["#include <stdio.h>", "#include <ngd.h>", *includes, "int main(void) {", *body, "return 0; }", ""])


def main(root, library, compiler):
    readme = pathlib.Path(root) / "README.md"
    blocks = re.findall(r"^```c\n(.*?)^```", readme.read_text() if readme.exists() else "", re.S | re.M)
    if not blocks:
        sys.exit("README.md has no ```c block")
    folder_of_library = os.path.dirname(library)
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(blocks, 1):
            source = pathlib.Path(folder) / f"example{number}.c"
            source.write_text(program_of(block))
            program = source.with_suffix("")
            result = subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-I", f"{root}/include", str(source),
                                     "-o", str(program), f"-L{folder_of_library}", f"-Wl,-rpath,{folder_of_library}", "-lngd",
                                     "-lm"], text=True, capture_output=True)
            if result.returncode == 0:
                result = subprocess.run([str(program)], text=True, capture_output=True, cwd=folder)
            if result.returncode != 0:
                sys.exit(f"README.md, C example {number}:\n{block}\n{result.stdout}{result.stderr}")
            print(f"README.md, C example {number}: {result.stdout.strip()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
