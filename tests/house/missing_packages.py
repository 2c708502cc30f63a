"""With nothing to be found, CMake stops and names every missing package in one apt line.

usage: missing_packages.py ROOT CMAKE CC CXX NINJA
"""

import os
import subprocess
import sys
import tempfile

EXPECTED = ("apt-get install zlib1g-dev libopenblas-dev libfast-float-dev nlohmann-json3-dev libxxhash-dev libhwy-dev libcli11-dev "
            "libfmt-dev libcmocka-dev\n")


def main(root, cmake, cc, cxx, ninja):
    with tempfile.TemporaryDirectory() as build:
        hide = ["-DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON",
                "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF"]
        environment = {**os.environ, "PKG_CONFIG_LIBDIR": build, "LC_ALL": "C"}
        environment.pop("PKG_CONFIG_PATH", None)
        result = subprocess.run([cmake, "-G", "Ninja", "-S", root, "-B", build, f"-DCMAKE_C_COMPILER={cc}",
                                 f"-DCMAKE_CXX_COMPILER={cxx}", f"-DCMAKE_MAKE_PROGRAM={ninja}", *hide],
                                text=True, capture_output=True, env=environment)
    if result.returncode == 0 or EXPECTED not in result.stderr:
        sys.exit(f"expected: {EXPECTED}got ({result.returncode}): {result.stdout}{result.stderr}")
    print("all missing packages in one line")


if __name__ == "__main__":
    main(*sys.argv[1:])
