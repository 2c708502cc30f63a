"""packaging/kubernetes is what the schemas of Kubernetes allow, strictly, from 1.29 to the newest that the checker knows.

The checker is kubernetes-validate of PyPI, which has the schemas in it; NGD_TEST_KUBERNETES_VALIDATE names the program where it
is not on the PATH.

usage: kubernetes.py ROOT
"""
import glob
import os
import shutil
import subprocess
import sys

root = sys.argv[1]
program = os.environ.get("NGD_TEST_KUBERNETES_VALIDATE") or shutil.which("kubernetes-validate")
if not program:
    print("skipped: there is no kubernetes-validate (pip install kubernetes-validate; NGD_TEST_KUBERNETES_VALIDATE names it)")
    sys.exit(77)
files = sorted(glob.glob(os.path.join(root, "packaging", "kubernetes", "*.yaml")))
checked = 0
for version in (["-k", "1.29"], []):
    done = subprocess.run([program, "--strict", *version, *files], capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode != 0 or "passed" not in said:
        sys.exit(said)
    checked += said.count(" passed ")
# Nine resources in two files; a checker that looks at the first of a file alone would say so less often.
if checked != 18:
    sys.exit(f"{checked} resources were checked, not 18:\n{said}")
# It knows what is wrong.
wrong = subprocess.run([program, "--strict", "-"], input="apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {port: 1}\n",
                       capture_output=True, text=True)
if wrong.returncode == 0:
    sys.exit("the checker takes a service with an unknown field")
print(f"{checked} resources checked")
