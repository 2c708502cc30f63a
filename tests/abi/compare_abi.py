"""Compares libngd.so with the committed ABI baseline by abidiff; --renew writes the baseline anew (docs/abi.md).

usage: compare_abi.py [--renew] libngd.so baseline.abi.xml
Ends with 77 (skipped) where the tools or the baseline's kind of machine are absent.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "include")


def write(library, baseline):
    with tempfile.NamedTemporaryFile(suffix=".xml") as raw:
        # Only what the public headers declare; private types and paths of the building machine are left out.
        subprocess.run(["abidw", "--headers-dir", INCLUDE, "--drop-private-types", "--exported-interfaces-only",
                        "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file", raw.name, library], check=True)
        text = open(raw.name).read()
    text = re.sub(r"  <elf-needed>.*?</elf-needed>\n", "", text, flags=re.S)
    open(baseline, "w").write(text)
    print(f"wrote {baseline}: {text.count('<elf-symbol ')} names")


def compare(library, baseline):
    if shutil.which("abidiff") is None:
        print("skipped: abidiff is absent; apt-get install abigail-tools")
        return 77
    if not os.path.exists(baseline):
        print("skipped: there is no baseline yet; ./dev abi-baseline writes it")
        return 77
    machine = re.search(r"architecture='([^']*)'", open(baseline).read()).group(1)
    if platform.machine() not in machine:
        print(f"skipped: the baseline is for {machine}, this machine is {platform.machine()}")
        return 77
    result = subprocess.run(["abidiff", "--headers-dir2", INCLUDE, "--drop-private-types", "--no-added-syms", baseline, library],
                            text=True, capture_output=True)
    print(result.stdout + result.stderr, end="")
    print("abi: unchanged, or only added to" if result.returncode == 0 else "abi: CHANGED; see docs/abi.md")
    return 0 if result.returncode == 0 else 1


if __name__ == "__main__":
    if sys.argv[1] == "--renew":
        write(*sys.argv[2:])
    else:
        sys.exit(compare(*sys.argv[1:]))
