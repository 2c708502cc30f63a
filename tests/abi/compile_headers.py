"""Compiles each public header alone and twice, as C99 and C++11 with every warning an error; the umbrella also as C11
and C++20. A program may include any header, in any order, in any of these languages.

usage: compile_headers.py ROOT CC CXX
"""

import concurrent.futures
import subprocess
import sys

import contract

COMMON = ["-fsyntax-only", "-pedantic-errors", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
C = ["-x", "c", "-Wstrict-prototypes", "-Wc++-compat"]
CXX = ["-x", "c++", "-Wold-style-cast", "-Wzero-as-null-pointer-constant"]


def compile_twice(include, compiler, flags, name):
    text = f'#include "{name}"\n#include "{name}"\nint only_this_header(void);\n'
    command = [compiler, *COMMON, *flags, "-I", str(include), "-"]
    result = subprocess.run(command, input=text, text=True, capture_output=True)
    return "" if result.returncode == 0 else f"{' '.join(flags)}: {name}\n{result.stderr}"


def main(root, cc, cxx):
    headers = contract.public_headers(root)
    include = headers[0].parents[0] if headers[0].name == "ngd.h" else headers[0].parents[1]
    jobs = []
    for path in headers:
        name = str(path.relative_to(include))
        jobs.append((cc, ["-std=c99", *C], name))
        jobs.append((cxx, ["-std=c++11", *CXX], name))
    jobs.append((cc, ["-std=c11", *C], "ngd.h"))
    jobs.append((cxx, ["-std=c++20", *CXX], "ngd.h"))
    findings = contract.Findings()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for problem in pool.map(lambda job: compile_twice(include, *job), jobs):
            if problem:
                findings.add("does not compile", problem)
    findings.check(len(headers) > 5, root, "public headers were not found")
    return findings.finish(f"{len(jobs)} compilations of {len(headers)} headers")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
