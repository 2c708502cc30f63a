"""What training on servers does to accuracy: the demo's training in every mode, undisturbed and with a killed primary, beside one process.

usage: servers_accuracy.py PROGRAM [--seeds N] [--modes NAME,...] [--jobs J] [--results FILE] [--data FILE --held-out FILE]

Each run has four workers, two shards, two servers with a copy of each; the same seeds everywhere. The table gives the mean over the seeds, the
mean difference from one process with the standard error of that mean, and the greatest difference of a seed. --results keeps what was
measured, a line a run, so that a later call goes on where one was interrupted.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "docs", "examples")
TRAINER = "trainer:epochs=10,batch_size=64,schedule=linear,checkpoint_epochs=0"
SERVERS = ("--workers", "4", "--shards", "2", "--replicas", "2")
KILL = ("--fire-drill", "0.33")
MODES = {  # what stands in the table: options of ngd train, more of the trainer's options
    "asynchronous": ((), ""),
    "stale, bound 4": (("--mode", "stale"), ""),
    "bulk": (("--mode", "bulk"), ""),
    "local steps, 8, one by one": ((), ",local_steps=8"),
    "local steps, 8, in rounds": (("--mode", "bulk"), ",local_steps=8"),
}
ONE = "one process"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=5, help="from 1 on (%(default)s)")
    parser.add_argument("--modes", default="", help="only those whose names begin so")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once (%(default)s)")
    parser.add_argument("--results", help="a file of JSON lines, which is read first and appended to")
    parser.add_argument("--icea", default="mix", help="as ngd train takes it; empty: none (%(default)s)")
    parser.add_argument("--data", help="labelled text in place of this machine's package descriptions")
    parser.add_argument("--held-out", help="of --data: a file or a share")
    return parser.parse_args()


class Runs:
    def __init__(self, asked, folder):
        self.asked, self.folder, self.program = asked, folder, os.path.abspath(asked.program)
        self.data, self.held_out = asked.data, asked.held_out
        if not self.data:
            self.data, self.held_out = os.path.join(folder, "sections.train"), os.path.join(folder, "sections.test")
            packages = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout
            subprocess.run([sys.executable, "-B", os.path.join(EXAMPLES, "debian_sections.py"), self.data, self.held_out], input=packages,
                           check=True)
        self.found, self.lock = {}, threading.Lock()
        if asked.results and os.path.exists(asked.results):
            with open(asked.results, encoding="utf-8") as file:
                self.found = {(line["mode"], line["killed"], line["seed"]): line for line in map(json.loads, file)}

    def get(self, mode, killed, seed):
        """What a run came to; from the file, or by running it."""
        if (mode, killed, seed) not in self.found:
            line = self._run(mode, killed, seed)
            with self.lock:
                self.found[mode, killed, seed] = line
                if self.asked.results:
                    with open(self.asked.results, "a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
        return self.found[mode, killed, seed]

    def _run(self, mode, killed, seed):
        run, began = os.path.join(self.folder, f"run-{mode}-{killed}-{seed}".replace(" ", "")), time.monotonic()
        options, more = MODES.get(mode, ((), ""))
        options = (*SERVERS, *options) if mode in MODES else ()
        subprocess.run([self.program, "train", "--run", run, "--data", self.data, "--held-out", self.held_out, "--format", "text", "--model",
                        "text:dimension=50,word_ngrams=2", *(("--icea", self.asked.icea) if self.asked.icea else ()), "--optimizer",
                        "ngd:learning_rate=0.01", "--trainer", TRAINER + more, "--seed", str(seed), *options, *(KILL if killed else ()),
                        "--progress", "off"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(run, "log.jsonl"), encoding="utf-8") as file:
            log = [json.loads(line) for line in file]
        shutil.rmtree(run)
        end = [line for line in log if line["event"] == "end"][-1]
        updates = [line for line in log if line["event"] == "updates"][-1:] or [{}]
        return {"mode": mode, "killed": killed, "seed": seed,
                "accuracy": [line for line in log if line["event"] == "epoch"][-1]["held_out_accuracy"], "rows": end["rows"],
                "seconds": round(time.monotonic() - began, 1),
                **{key: updates[0].get(key, 0) for key in ("acknowledged", "applied", "lineage", "takeovers")}}


def percent(value):
    return f"{100 * value:.2f}"


def show(runs, modes, seeds):
    alone = [runs.get(ONE, False, seed)["accuracy"] for seed in seeds]
    rows = [("held-out accuracy %, mean of " + f"{len(seeds)} seeds", "undisturbed", "difference", "greatest of a seed", "a primary killed",
             "difference", "greatest of a seed"),
            (ONE, percent(statistics.mean(alone)), "", "", "", "", "")]
    greatest = 0.0
    for mode in modes:
        cells = [mode]
        for killed in (False, True):
            accuracies = [runs.get(mode, killed, seed)["accuracy"] for seed in seeds]
            differences = [there - here for there, here in zip(accuracies, alone)]
            mean = statistics.mean(differences)
            error = statistics.stdev(differences) / math.sqrt(len(seeds)) if len(seeds) > 1 else math.nan
            greatest = max(greatest, abs(mean))
            most = max(differences, key=abs)
            cells += [percent(statistics.mean(accuracies)), f"{100 * mean:+.2f} ± {100 * error:.2f}", f"{100 * most:+.2f}"]
        rows.append(tuple(cells))
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|" + "---|" * len(row))
    spread = statistics.stdev(alone) if len(seeds) > 1 else math.nan
    print(f"greatest difference of means: {100 * greatest:.2f} points; one process: standard deviation over the seeds {100 * spread:.2f}")
    all_runs = [runs.get(mode, killed, seed) for mode in modes for killed in (False, True) for seed in seeds]
    killed = [one for one in all_runs if one["killed"]]
    print(f"{sum(one['takeovers'] > 0 for one in killed)} of {len(killed)} killed runs had takeovers, "
          f"{sum(one['lineage'] > 1 for one in all_runs)} of {len(all_runs)} runs went back to a checkpoint; "
          f"of runs that are not in rounds {sum(one['acknowledged'] == one['applied'] for one in all_runs if one['mode'] not in ROUNDS)} of "
          f"{sum(one['mode'] not in ROUNDS for one in all_runs)} had as many updates applied as acknowledged; "
          f"samples of a run: {', '.join(str(rows) for rows in sorted({one['rows'] for one in all_runs}))}")


ROUNDS = tuple(mode for mode, (options, _) in MODES.items() if "bulk" in options)


def main():
    asked = arguments()
    if not asked.data and not shutil.which("apt-cache"):
        print("skipped: no package descriptions here (apt-cache); give --data and --held-out")
        return 77
    folder = tempfile.mkdtemp(prefix="ngd-accuracy-")
    try:
        runs, seeds = Runs(asked, folder), range(1, asked.seeds + 1)
        modes = [mode for mode in MODES if mode.startswith(tuple(asked.modes.split(",")))]
        with ThreadPoolExecutor(asked.jobs) as pool:  # in turns, so that what was measured of all modes is of all times
            for seed in seeds:
                pool.submit(runs.get, ONE, False, seed)
                for mode in modes:
                    for killed in (False, True):
                        pool.submit(runs.get, mode, killed, seed)
        show(runs, modes, seeds)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
