"""Every package that CMake may ask for is one that ./dev setup installs. usage: packages.py ROOT"""

import pathlib
import re
import sys


def main(root):
    root = pathlib.Path(root)
    listed = {}
    for line in (root / "cmake" / "packages.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            group, package, purpose = line.split(maxsplit=2)
            listed[package] = group
    asked = re.findall(r"ngd_need\(\w+ ([\w.+-]+)\)", (root / "cmake" / "Dependencies.cmake").read_text())
    unknown = [package for package in asked if listed.get(package) not in ("build", "test")]
    if unknown or not asked:
        sys.exit(f"CMake asks for packages that cmake/packages.txt does not list under build or test: {unknown}")
    print(f"{len(asked)} packages asked for, {len(listed)} listed")


if __name__ == "__main__":
    main(sys.argv[1])
