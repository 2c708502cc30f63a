"""Searches the models takeover.pml and staging.pml with Spin: what must hold holds, and every mutation is caught.

usage: run.py [--large] [NAME...]   NAME is the beginning of a case's name. Without --large: the bounded cases, within a minute of
processor time. Exit code 77 with a message where there is no spin or no gcc.
"""

import argparse
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ONE_UPDATE = ["NOPS=1", "MAXEP=2", "CRASHES=1"]
MERGED = ["MERGED", "TAKEOVERS=1", "MAXLOG=3"]
APART = ["TAKEOVERS=1", "MAXLOG=3"]

# Name, model, definitions, what is expected, seconds of processor time. "holds": the search is complete and finds nothing;
# "fails": it finds an error; "bounded": it finds nothing until its time is over.
BOUNDED = [
    ("takeover", "takeover", ONE_UPDATE, "bounded", 6),
    *[(f"takeover {m}", "takeover", [m, *ONE_UPDATE], "fails", 10)
      for m in ("NOFENCE", "NOLEASE", "NODEDUP", "EARLYADD", "ACKEARLY", "NOREADY")],
    # Where nobody crashes, and where all three are in sync.
    ("takeover EARLYJOIN", "takeover", ["EARLYJOIN", "NOPS=1", "MAXEP=2", "CRASHES=0"], "fails", 10),
    ("takeover NOINC", "takeover", ["NOINC", "ISR0=7", *ONE_UPDATE], "fails", 10),
    ("staging", "staging", ["TAKEOVERS=1", "MAXLOG=3", "ATTEMPTS=1"], "holds", 30),
    ("staging merged", "staging", MERGED, "holds", 10),
    *[(f"staging {m}", "staging", [m, *MERGED], "fails", 10)
      for m in ("NOTOKEN", "CHECKATSTAGE", "SHARDCHECKONLY", "NOATTEMPT", "NOFLOOR", "DROPEARLY", "DROPDONE", "ANSWEREARLY",
                "REFUSEEARLY", "STREAMEARLY", "NODEDUP", "CHECKCOMMITTED", "PROBE2")],
    *[(f"staging {m}", "staging", [m, *APART], "fails", 10) for m in ("STAGEDEARLY", "TRIMEARLY")],
]
LARGE = [
    ("takeover NOACKINC", "takeover", ["NOACKINC", *ONE_UPDATE], "fails", 600),
    ("takeover in sync", "takeover", ["ISR0=7", *ONE_UPDATE], "bounded", 120),
    ("takeover without a crash", "takeover", ["NOPS=1", "MAXEP=2", "CRASHES=0"], "holds", 600),
    ("takeover one update", "takeover", ONE_UPDATE, "holds", 1200),
    ("staging apart", "staging", APART, "holds", 1200),
    ("staging merged 4", "staging", ["MERGED", "TAKEOVERS=2", "MAXLOG=4"], "holds", 1200),
    ("staging merged 5", "staging", ["MERGED", "TAKEOVERS=2", "MAXLOG=5"], "holds", 3600),
    ("staging PROBE1", "staging", ["PROBE1", "MERGED", "TAKEOVERS=1", "MAXLOG=4"], "fails", 1200),
    ("staging PROBE3", "staging", ["PROBE3", "MERGED", "TAKEOVERS=1", "MAXLOG=4"], "fails", 60),
]


def search(model, definitions, seconds, level, large):
    """What the verifier printed, whether its time ended, and the processor time that it took."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / f"{model}.pml", folder)

        def run(*command, **options):
            return subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

        made = run("spin", *[f"-D{one}" for one in definitions], "-a", f"{model}.pml")
        if made.returncode == 0:
            made = run("gcc", level, "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={12000 if large else 1000}", "-w", "-o", "pan",
                       "pan.c")
        if made.returncode != 0:
            sys.exit(f"{model} {definitions} cannot be built:\n{made.stdout}")
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = run("./pan", "-E", "-m500000", "-w26" if large else "-w22",
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5)))
        return done.stdout, done.returncode == -signal.SIGXCPU, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def judge(output, timed_out, expected):
    """Whether the output is as expected, and what it was."""
    errors = re.search(r"errors: (\d+)", output)
    broken = "assertion violated" in output
    whole = errors is not None and "Search not completed" not in output and "max search depth too small" not in output
    if broken:
        return expected == "fails", "caught"
    if errors is not None and int(errors.group(1)) > 0:
        return False, "an error that is no assertion"
    if whole:
        return expected in ("holds", "bounded"), "holds"
    return timed_out and expected == "bounded", "nothing found until its time was over" if timed_out else "it ended early"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            print(f"skipped: there is no program {program} (Debian: {program})")
            return 77
    wrong, total = [], 0.0
    for name, model, definitions, expected, seconds in LARGE if arguments.large else BOUNDED:
        if arguments.names and not any(name.startswith(one) for one in arguments.names):
            continue
        # To build it takes longer than to find a mutation.
        level = "-O2" if arguments.large else "-O0" if expected == "fails" else "-O1"
        output, timed_out, took = search(model, definitions, seconds, level, arguments.large)
        good, what = judge(output, timed_out, expected)
        states = re.search(r"(\d+) states, stored", output)
        total += took
        print(f"{'' if good else 'WRONG '}{name}: {what}, {states.group(1) if states else 'some'} states, {took:.1f} s", flush=True)
        if not good:
            wrong.append(name)
            print(output[-1500:])
    print(f"{total:.0f} s of processor time" + (f"; wrong: {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
