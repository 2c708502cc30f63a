"""Trainings that survive: processes of `ngd train --workers` are killed at random moments, one of each training.

usage: training.py PROGRAM [--kind worker|primary|backup|records|launcher|launcher-later|etcd]... [--kills N] [--stop] [--seed S] [--jobs J]

A training ends well when every row was trained on as often as asked for (in the partitions' own account, and in the model itself, where the
rows can be counted in it), as many updates were applied as were acknowledged, no process and no file is left over, all within the
time; at once, or after it said how to go on and was told to. `--kind records` kills whoever is writing the records of the
cluster after a server's death, `--kind launcher-later` the launcher just after a server that died has come in; `--kind etcd` has servers of its own, whose records are in etcd, and kills its leader. Exit code 1 when anything was found that must not be; such a run keeps its folder.
"""

import argparse
import dataclasses
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time

from cluster import Cluster, Etcd, Trouble
from table import Table
from training_case import cases
from training_run import TrainingRun
from training_victim import KINDS, LAUNCHERS, TooLate, strike

SHAPES = ((3, 2, 2, 2), (3, 2, 2, 3), (4, 2, 2, 4))  # workers, shards, replicas, servers
HELD = (0.2, 5.0)  # seconds that a process stands still
LATEST = 1.0       # of the time that a training takes when nobody is killed
ACCURACY = 0.05    # that may be missing at the end of what it is then


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--kind", action="append", choices=tuple(KINDS), default=[])
    parser.add_argument("--kills", type=int, default=int(os.environ.get("NGD_KILLS", "2")), help="of each kind (%(default)s)")
    parser.add_argument("--stop", action="store_true", help="SIGSTOP, and SIGCONT up to 5 s later, in place of SIGKILL")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once (%(default)s)")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual epochs (%(default)s)")
    parser.add_argument("--seconds", type=float, default=90, help="that a training may take, with all that is done to it (%(default)s)")
    parser.add_argument("--checkpoint-every", type=float, default=1, metavar="SECONDS", help="of the servers (%(default)s)")
    parser.add_argument("--case", default="", help="only cases whose names hold this text")
    parser.add_argument("--keep", action="store_true", help="folders of runs without findings too")
    return parser.parse_args()


class Tests:
    """All trainings of one call."""

    def __init__(self, asked):
        self.asked, self.program = asked, os.path.abspath(asked.program)
        self.folder = tempfile.mkdtemp(prefix="ngd-training-")
        self.outer, self.outer_lock, self.broken = None, threading.Lock(), []
        self.lock, self.lasts, self.results, self.print = threading.Lock(), {}, {kind: [] for kind in KINDS}, threading.Lock()

    def say(self, text):
        with self.print:
            print(text, flush=True)

    def begin(self, name, shape, case, kind=""):
        workers, shards, replicas, processes = shape
        folder = os.path.join(self.folder, name)
        if kind == "etcd":
            cluster = ("--workers", str(workers), "--shards", str(shards), "--connect", ",".join(self.outer.addresses()), "--model-name", name,
                       "--lease", "1.5")
            return TrainingRun(self.program, folder, case, cluster, self.asked.seconds, self.outer)
        cluster = ("--workers", str(workers), "--shards", str(shards), "--replicas", str(replicas), "--server-processes", str(processes),
                   "--servers-checkpoint-every", str(self.asked.checkpoint_every), "--lease", "1.5")
        return TrainingRun(self.program, folder, case, cluster, self.asked.seconds)

    def start_outer(self):
        """Servers whose records are in etcd; or why there can be none here."""
        if not Etcd.installed():
            return "its server is not installed"
        place = os.path.join(self.folder, "servers")
        os.makedirs(place)
        try:
            self.outer = Cluster(self.program, place, 3, 2, "etcd", data=True, options="checkpoint_every=1")
        except Trouble as trouble:
            if "the module of this coordinator cannot be opened" not in str(trouble):
                raise
            return "its module was not built"
        return ""

    def cases(self):
        return [case for case in cases(self.folder, self.asked.share) if self.asked.case in case.name]

    def done(self, name, training, what):
        for finding in training.findings:
            self.say(f"  FOUND {name}: {training.case.name}, {what}: {finding}")
        if training.findings:
            self.say(f"  kept: {training.folder}")
        elif not self.asked.keep:
            shutil.rmtree(training.folder)

    def undisturbed(self, shape, case):
        """How long it takes, and how accurate it is, when nobody is killed; once for each case."""
        with self.lock:
            if case.name not in self.lasts:
                name = f"undisturbed-{len(self.lasts)}"
                training = self.begin(name, shape, case)
                training.end(False)
                self.lasts[case.name] = time.monotonic() - training.begun, training.accuracy
                self.say(f"undisturbed: {case.name}: {self.lasts[case.name][0]:.1f} s, accuracy {training.accuracy}")
                self.done(name, training, "nobody killed")
                self.broken += training.findings
            return self.lasts[case.name]

    def one(self, kind, number):
        if kind != "etcd":
            return self.try_one(kind, number)
        with self.outer_lock:  # two members of three may not be gone at once
            return self.try_one(kind, number)

    def try_one(self, kind, number):
        draws = random.Random(f"{self.asked.seed} {kind} {number}")
        for attempt in range(5):
            shape = draws.choice(SHAPES)
            all_cases = self.cases()
            case = all_cases[(number + attempt) % len(all_cases)]
            lasts, accuracy = self.undisturbed(shape, case)
            case = dataclasses.replace(case, accuracy=(accuracy or 0) - ACCURACY)
            moment = draws.uniform(0, LATEST) * lasts
            hold = draws.uniform(*HELD) if self.asked.stop else 0
            name = f"{kind}-{number}-{attempt}"
            training = self.begin(name, shape, case, kind)
            late = False
            try:
                strike(training, kind, draws, moment, hold)
            except TooLate:
                late = True
            except Trouble as trouble:
                training.find(str(trouble))
            training.end(kind in LAUNCHERS and not hold and not late)
            what = f"{training.victim or 'nobody'} {'stopped' if hold else 'killed'} after {moment:.1f} s"
            self.done(name, training, what)
            if not late:
                self.results[kind].append(training)
                return self.say(f"{name}: {case.name}, {shape[3]} servers, {what}: {time.monotonic() - training.begun:.1f} s, pause "
                                f"{training.longest_pause:.1f} s{', resumed' if training.resumed else ''}")
        return self.say(f"{kind}-{number}: every training had ended before")

    def all(self):
        kinds = self.asked.kind or list(KINDS)
        if "etcd" in kinds and (why := self.start_outer()):
            self.say(f"skipped: etcd: {why}")
            kinds = [kind for kind in kinds if kind != "etcd"]
        work = [(kind, number) for number in range(self.asked.kills) for kind in kinds]

        def go():
            while True:
                with self.print:
                    if not work:
                        return
                    kind, number = work.pop(0)
                try:
                    self.one(kind, number)
                except Exception as error:  # the others go on, and this one counts
                    self.broken.append(f"{kind}-{number}: {type(error).__name__}: {error}")
                    self.say(f"  FOUND {self.broken[-1]}")
        threads = [threading.Thread(target=go) for _ in range(self.asked.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.outer is not None:
            self.outer.end()

    def table(self):
        table = Table(("kind", "stopped" if self.asked.stop else "kills", "right", "of them resumed", "of them back to a checkpoint",
                       "longest pause: median", "most"))
        bad = len(self.broken)
        for kind, results in self.results.items():
            if not results:
                continue
            right = [one for one in results if not one.findings]
            bad += len(results) - len(right)
            pauses = [one.longest_pause for one in results]
            table.add(kind, len(results), len(right), sum(one.resumed > 0 for one in right), sum(one.went_back for one in right),
                      f"{statistics.median(pauses):.1f} s", f"{max(pauses):.1f} s")
        table.show()
        return bad


def main():
    asked = arguments()
    began, tests = time.monotonic(), Tests(asked)
    print(f"seed {asked.seed}; folders of runs in {tests.folder}", flush=True)
    tests.all()
    bad = tests.table()
    load = os.getloadavg()[0]
    print(f"{sum(map(len, tests.results.values()))} trainings, {bad} with findings, in {time.monotonic() - began:.0f} s, load {load:.0f}")
    if not bad and not asked.keep:
        shutil.rmtree(tests.folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
