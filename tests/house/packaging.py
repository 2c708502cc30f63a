"""The systemd files are what systemd takes, and packaging/ names verbs and options that the program has.

usage: packaging.py ROOT PROGRAM
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

root, program = sys.argv[1:]


def read(*names):
    with open(os.path.join(root, "packaging", *names), encoding="utf-8") as file:
        return file.read()


unit = read("systemd", "ngd-server@.service")
manifest = read("kubernetes", "ngd-servers.yaml")


def options_of(verb, command):
    known = subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=True).stdout
    for option in re.findall(r"--[a-z-]+", command):
        if option not in known:
            sys.exit(f"ngd {' '.join(verb)} has no option {option}, which packaging/ gives it")


options_of(["server"], re.search(r"^ExecStart=(.*)$", unit, re.M).group(1))
options_of(["server"], re.search(r"^# +NGD_SERVER_OPTIONS=(.*)$", unit, re.M).group(1))
options_of(["server"], re.search(r"exec ngd server(.*?)\n +env:", manifest, re.S).group(1))
lines = [line for line in manifest.splitlines() if re.search(r"ngd\W+cluster\W", line) and not line.lstrip().startswith("#")]
for line in lines:
    verb = re.search(r"ngd\W+cluster\W+([a-z]+)", line).group(1)
    options_of(["cluster", verb], line)
if len(lines) != 5:
    sys.exit(f"{len(lines)} lines of packaging/kubernetes call ngd cluster; this test knows of 5")
if "User=ngd\n" not in unit or not re.search(r"^u ngd ", read("systemd", "ngd.sysusers"), re.M):
    sys.exit("the unit runs as a user whom ngd.sysusers does not make")

if not shutil.which("systemd-analyze"):
    print("skipped the unit itself: systemd-analyze is not installed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    copy = os.path.join(folder, "ngd-server@1.service")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(unit.replace("/usr/bin/ngd", program))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
    mine = [line for line in done.stderr.splitlines() if "ngd-server" in line]
    if mine:
        sys.exit("\n".join(mine))
print("systemd-analyze verify has no complaint; all verbs and options are known")
