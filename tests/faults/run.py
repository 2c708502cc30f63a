"""Faults of real servers: runs what is asked for, and prints a table.

usage: run.py PROGRAM --list
       run.py PROGRAM --fault NAME [--fault NAME...] | --all   [--matrix] [--seconds S] [--repeat N]
       run.py PROGRAM --takeover kill|stop|partition [--etcd-leader] --count N
       run.py PROGRAM --storm N

Exit code 1 when anything was found that must not be, 77 when nothing could be run here. A run that found something keeps its
folder: journals of the workers, what servers said, their data.
"""

import argparse
import os
import sys
import time

import scenarios_network  # noqa: F401
import scenarios_processes  # noqa: F401
import scenarios_world  # noqa: F401
from registry import FAULTS
from storm import storm
from table import Table, seconds_text
from takeover import takeovers
from trial import Settings

MATRIX = ((1, 2), (4, 2), (4, 3))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("program", help="the program ngd")
    parser.add_argument("--list", action="store_true", help="names of the faults")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME")
    parser.add_argument("--all", action="store_true", help="every fault")
    parser.add_argument("--matrix", action="store_true", help="1 shard x 2 replicas, 4 x 2, 4 x 3")
    parser.add_argument("--takeover", choices=("kill", "stop", "partition"))
    parser.add_argument("--etcd-leader", action="store_true", help="of a takeover: etcd's leader is killed in the same second")
    parser.add_argument("--count", type=int, default=20, help="takeovers (%(default)s)")
    parser.add_argument("--storm", type=int, metavar="N", help="kills; the environment's NGD_KILLS comes before it")
    parser.add_argument("--ack", choices=("memory", "disk"), default="memory", help="of a storm: when servers answer")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="of one run, as far as nobody must be waited for (%(default)s)")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--pause", type=float, help="seconds that a worker rests after an update (0; takeovers and storms: 0.005)")
    parser.add_argument("--coordinator", choices=("local", "etcd"), default="local")
    parser.add_argument("--keep", action="store_true", help="folders of runs without findings too")
    asked = parser.parse_args()
    if asked.pause is None:
        asked.pause = 0.005 if asked.takeover or asked.storm else 0.0
    return asked


def run_faults(names, asked, shapes):
    table = Table(("fault", "shards x replicas", "runs", "updates", "acknowledged", "gone, told", "first after", "longest", "errors", "findings"))
    ran = found = 0
    for name in names:
        if name not in FAULTS:
            sys.exit(f"run.py: there is no fault {name!r}; --list names them")
        why = FAULTS[name].why_not(asked.coordinator)
        if why:
            print(f"skipped: {name}: {why}", flush=True)
            continue
        for shards, replicas in shapes:
            results = []
            for repetition in range(asked.repeat):
                settings = Settings(os.path.abspath(asked.program), shards, replicas, asked.seconds, asked.seed + repetition,
                                    asked.coordinator, asked.workers, asked.pause, asked.keep)
                began = time.monotonic()
                result = FAULTS[name].run(settings)
                results.append(result)
                notes = "; ".join(result.notes)
                print(f"{name} {shards}x{replicas} run {repetition + 1}: {time.monotonic() - began:.1f} s{': ' if notes else ''}{notes}", flush=True)
                for finding in result.findings:
                    print(f"  FOUND {finding}", flush=True)
                if result.findings:
                    print(f"  kept: {result.folder}", flush=True)
            ran += len(results)
            findings = sum(bool(result.findings) for result in results)
            found += findings
            errors = {}
            for result in results:
                for code, count in result.errors.items():
                    errors[code] = errors.get(code, 0) + count
            table.add(name, f"{shards} x {replicas}", len(results), sum(result.updates for result in results),
                      sum(result.acknowledged for result in results), sum(result.gone for result in results),
                      seconds_text([first for result in results for first in result.first]),
                      f"{max(result.longest for result in results):.2f} s",
                      " ".join(f"{code.removeprefix('NGD_E_')}:{count}" for code, count in sorted(errors.items())) or "-", findings)
    table.show()
    return ran, found


def main():
    asked = arguments()
    if asked.list:
        for name, one in FAULTS.items():
            print(f"{name:24}{one.says}")
        return 0
    settings = Settings(os.path.abspath(asked.program), asked.shards, asked.replicas, asked.seconds, asked.seed, asked.coordinator,
                        asked.workers, asked.pause, asked.keep, asked.ack)
    if asked.takeover:
        ran, found = takeovers(settings, asked.takeover, asked.count, asked.etcd_leader)
    elif asked.storm:
        ran, found = storm(settings, int(os.environ.get("NGD_KILLS", asked.storm)))
    else:
        names = list(FAULTS) if asked.all else asked.fault
        if not names:
            sys.exit("run.py: say --fault NAME, --all, --takeover or --storm")
        ran, found = run_faults(names, asked, MATRIX if asked.matrix else ((asked.shards, asked.replicas),))
    if ran == 0:
        print("skipped: nothing of this can be run here")
        return 77
    print(f"{ran} runs, {found} with findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
