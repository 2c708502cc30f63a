"""Builds the manual; any warning of Doxygen fails. usage: manual.py CMAKE BUILD"""

import subprocess
import sys


def main(cmake, build):
    targets = subprocess.run([cmake, "--build", build, "--target", "help"], text=True, capture_output=True, check=True).stdout
    if not any(line.split(":")[0].strip() == "docs" for line in targets.splitlines()):
        print("skipped: Doxygen or its style is absent; apt-get install doxygen doxygen-awesome-css")
        return 77
    result = subprocess.run([cmake, "--build", build, "--target", "docs"], text=True, capture_output=True)
    if result.returncode != 0:
        print(result.stdout + result.stderr)
    return 1 if result.returncode else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
