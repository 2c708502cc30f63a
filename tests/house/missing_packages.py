"""With nothing to be found, CMake stops and names every missing package in one apt line.

usage: missing_packages.py ROOT CMAKE CC CXX NINJA
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Programs that run this test cannot be hidden from it.
ALWAYS_THERE = {"pkg-config", "python3"}


def main(root, cmake, cc, cxx, ninja):
    asked = re.findall(r"ngd_need\(\w+ ([\w.+-]+)\)", pathlib.Path(root, "cmake", "Dependencies.cmake").read_text())
    expected = f"apt-get install {' '.join(package for package in asked if package not in ALWAYS_THERE)}\n"
    with tempfile.TemporaryDirectory() as build:
        hide = ["-DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON",
                "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF"]
        environment = {**os.environ, "PKG_CONFIG_LIBDIR": build, "LC_ALL": "C"}
        environment.pop("PKG_CONFIG_PATH", None)
        result = subprocess.run([cmake, "-G", "Ninja", "-S", root, "-B", build, f"-DCMAKE_C_COMPILER={cc}",
                                 f"-DCMAKE_CXX_COMPILER={cxx}", f"-DCMAKE_MAKE_PROGRAM={ninja}", *hide],
                                text=True, capture_output=True, env=environment)
    if result.returncode == 0 or expected not in result.stderr:
        sys.exit(f"expected: {expected}got ({result.returncode}): {result.stdout}{result.stderr}")
    print("all missing packages in one line")


if __name__ == "__main__":
    main(*sys.argv[1:])
