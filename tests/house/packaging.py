"""The systemd unit is what systemd takes, and names options that the program has. usage: packaging.py ROOT PROGRAM"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

root, program = sys.argv[1:]
unit = os.path.join(root, "packaging", "systemd", "ngd-server@.service")
with open(unit, encoding="utf-8") as file:
    text = file.read()
with open(os.path.join(root, "packaging", "kubernetes", "ngd-servers.yaml"), encoding="utf-8") as file:
    manifest = file.read()

known = subprocess.run([program, "server", "--help"], capture_output=True, text=True, check=True).stdout
command = re.search(r"^ExecStart=(.*)$", text, re.M).group(1)
pod = re.search(r"exec ngd server(.*?)\n\s+ports:", manifest, re.S).group(1)
for option in re.findall(r"--[a-z-]+", command + pod):
    if option not in known:
        sys.exit(f"ngd server has no option {option}, which packaging/ gives it")
if not shutil.which("systemd-analyze"):
    print("skipped the unit itself: systemd-analyze is not installed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    copy = os.path.join(folder, "ngd-server@1.service")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/bin/ngd", program))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
    mine = [line for line in done.stderr.splitlines() if "ngd-server" in line]
    if mine:
        sys.exit("\n".join(mine))
    if done.returncode != 0 and "ngd-server" in done.stderr:
        sys.exit(done.stderr)
print("systemd-analyze verify has no complaint; all options are known")
