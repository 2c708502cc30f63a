"""Uses libngd by add_subdirectory: it must add its libraries and nothing else: no tests, no program, no install rules.

usage: subproject.py ROOT CMAKE
"""

import pathlib
import subprocess
import sys
import tempfile

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(host LANGUAGES C CXX)
enable_testing()
add_subdirectory("{root}" ngd)
add_executable(program "{root}/tests/install/consumer.c")
target_link_libraries(program PRIVATE ngd::ngd m)
"""


def main(root, cmake):
    with tempfile.TemporaryDirectory() as folder:
        host = pathlib.Path(folder)
        (host / "CMakeLists.txt").write_text(PROJECT.format(root=root))
        subprocess.run([cmake, "-G", "Ninja", "-S", host, "-B", host / "build"], check=True, capture_output=True)
        # What would be run. That the library compiles is known; here the question is what else would be built.
        plan = subprocess.run(["ninja", "-C", host / "build", "-t", "commands", "all"], check=True, capture_output=True, text=True).stdout
        tests = subprocess.run(["ctest", "--test-dir", host / "build", "-N"], check=True, capture_output=True, text=True).stdout
        install = (host / "build" / "ngd" / "cmake_install.cmake").read_text()
    wrong = [name for name in ("_test.c", "src/cli", "libngd.a", "doxygen") if name in plan]
    if wrong or "libngd.so" not in plan or "program" not in plan:
        sys.exit(f"the plan is wrong ({wrong}):\n{plan}")
    if "Total Tests: 0" not in tests:
        sys.exit(f"tests were added:\n{tests}")
    if "libngd" in install:
        sys.exit(f"install rules were added:\n{install}")
    print("as a subproject: the shared library alone")


if __name__ == "__main__":
    main(*sys.argv[1:])
