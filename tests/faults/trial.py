"""One run of one fault: a cluster, workers at work, the moment of the fault, and the verdict at the end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace

from cells import WIDTH, Cells
from cluster import HERE, Cluster, Trouble, data_directory
from journal import read_journal
from network import Network
from verifier import verify

WAIT_MS = 60000  # of a worker's call; whoever waits for longer has been forgotten


@dataclass
class Settings:
    """What a run is made of."""

    program: str
    shards: int = 1
    replicas: int = 2
    seconds: float = 10
    seed: int = 1
    coordinator: str = "local"
    workers: int = 3
    pause: float = 0.0  # of a worker between its updates
    keep: bool = False  # the folder, also after a run without findings
    ack: str = "memory"  # of storms


@dataclass
class Result:
    findings: list = field(default_factory=list)
    updates: int = 0
    acknowledged: int = 0
    gone: int = 0                               # acknowledged, and lost with a lineage, as everybody was told
    first: list = field(default_factory=list)   # seconds to the first update after the fault, of each worker
    longest: float = 0.0                        # that an update took, from the fault on
    errors: dict = field(default_factory=dict)  # calls that failed, by code
    notes: list = field(default_factory=list)
    folder: str = ""


class Trial:
    """with Trial(settings, ...) as trial: ...; trial.result is there afterwards."""

    def __init__(self, settings, servers=None, network=False, proxy=False, data=False, options="", ack=None, coordinator=None,
                 may_lose=False, ballast=False, disk=None):
        """servers: one more than there are replicas, where it is not said; disk: the size of a file system for each server's data."""
        self.settings, self.may_lose, self.ballast, self.disks = settings, may_lose, ballast, []
        self.folder = tempfile.mkdtemp(prefix="ngd-faults-")
        self.network = self.cluster = None
        self.workers, self.moment, self.result = {}, None, Result(folder=self.folder)
        self.begun = time.monotonic()
        servers = servers or settings.replicas + 1
        try:
            self.network = Network(servers) if network else None
            for node in range(1, servers + 1) if disk else ():
                self._mount(data_directory(self.folder, node), disk)
            self.cluster = Cluster(settings.program, self.folder, servers, settings.replicas, coordinator or settings.coordinator,
                                   self.network, settings.seed if proxy else None, data, options, ack)
        except BaseException:
            self._take_down()
            raise

    def _mount(self, path, size):
        os.makedirs(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "ngd-faults", path], check=True)
        self.disks.append(path)

    @staticmethod
    def alone(settings):
        """The same without replicas."""
        return replace(settings, replicas=1)

    # --- workers ----------------------------------------------------------------------------------------------------------

    def client_options(self):
        return ",trusted_network=1" if self.network else ""

    def start_worker(self, number, **more):
        """A process of worker.py; `more` as it reads it."""
        told = {"program": self.settings.program, "model": "m", "shards": self.settings.shards, "number": number, "wait_ms": WAIT_MS,
                "addresses": self.cluster.addresses(), "journal": self.journal(number), "ballast": self.ballast,
                "pause": self.settings.pause, **more}
        told["options"] = self.client_options() + told.get("options", "")
        with open(os.path.join(self.folder, f"worker{number}.log"), "ab") as log:
            self.workers[number] = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "worker.py"), json.dumps(told)],
                                                    stdout=subprocess.PIPE, stderr=log)

    def journal(self, number):
        return os.path.join(self.folder, f"journal{number}")

    def ready(self):
        """All workers have begun, all replicas are in sync."""
        for number, worker in self.workers.items():
            if worker.stdout.readline() != b"ready\n":
                with open(os.path.join(self.folder, f"worker{number}.log"), encoding="utf-8") as log:
                    raise Trouble(f"worker {number} does not begin: {log.read()[-500:]}")
        self.cluster.wait_in_sync()

    def start(self, **more):
        """The workers of the settings."""
        for number in range(self.settings.workers):
            self.start_worker(number, **more)
        self.ready()
        self.run(0.2)

    def run(self, share):
        """Lets a part of the time pass."""
        time.sleep(self.settings.seconds * share)

    def mark(self):
        """The fault has happened."""
        self.moment = time.monotonic()

    def note(self, text):
        self.result.notes.append(text)

    def find(self, text):
        """A finding of the scenario's own."""
        self.result.findings.append(text)

    def journals(self):
        return [read_journal(number, self.journal(number)) for number in self.workers]

    def latest(self):
        """Ends of the journals."""
        return [read_journal(number, self.journal(number), 1 << 16) for number in self.workers]

    def end_workers(self, seconds=WAIT_MS / 1000 + 15):
        for worker in self.workers.values():
            worker.send_signal(signal.SIGTERM)
            worker.send_signal(signal.SIGCONT)
        until = time.monotonic() + seconds
        for number, worker in self.workers.items():
            try:
                worker.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                self.find(f"hang: worker {number} has not come back within {seconds} s")
                worker.kill()
                worker.wait()
            worker.stdout.close()
            if worker.returncode not in (0, -signal.SIGKILL):
                with open(os.path.join(self.folder, f"worker{number}.log"), encoding="utf-8", errors="replace") as log:
                    self.find(f"worker {number} ended with {worker.returncode}: {log.read()[-300:]}")

    # --- the verdict ------------------------------------------------------------------------------------------------------

    def final(self, journals):
        """The whole model as a new client reads it, and its lineage."""
        client = Cells(self.settings.program, "m", self.settings.shards, self.client_options(), self.ballast)
        try:
            client.connect(self.cluster.addresses(), WAIT_MS)
            final = {}
            for journal in journals:
                rows = journal.begun() // WIDTH + 1
                _, final[journal.worker] = client.pull_cells(journal.worker, rows, WAIT_MS)
            return final, client.lineage(WAIT_MS)
        finally:
            client.end()

    def judge(self):
        self.end_workers()
        for node in self.cluster.died():
            self.find(f"server {node} ended by itself: {self.cluster.processes[node].returncode}")
        journals = self.journals()
        final, lineage = self.final(journals)
        findings, gone = verify(journals, final, lineage, self.may_lose)
        result = self.result
        result.findings += findings.lines
        result.gone = gone
        for journal in journals:
            result.updates += len(journal.pushes)
            result.acknowledged += len(journal.acknowledged())
            for _, _, code, text in journal.errors:
                result.errors[code] = result.errors.get(code, 0) + 1
            if self.moment is not None and journal.pushes:
                result.longest = max(result.longest, journal.longest_after(self.moment, float("inf")))
                first = journal.first_after(self.moment)
                if first is not None:
                    result.first.append(first)
                elif any(push.end > self.moment for push in journal.pushes):
                    result.findings.append(f"no way on: worker {journal.worker} pushed nothing after the fault")
        if result.acknowledged == 0:
            result.findings.append("nothing was acknowledged: this tested nothing")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.judge()
            elif issubclass(kind, (Trouble, OSError, AssertionError)):
                self.find(f"{kind.__name__}: {error}")
        except Exception as late:  # whatever it is, the run has failed, and says so
            self.find(f"{type(late).__name__}: {late}")
        finally:
            self._take_down()
        return kind is not None and issubclass(kind, (Trouble, OSError, AssertionError))

    def _take_down(self):
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        if self.cluster is not None:
            self.cluster.end()
        if self.network is not None:
            self.network.close()
        for path in self.disks:
            subprocess.run(["umount", "-l", path], check=False)
        if not self.settings.keep and not self.result.findings:
            shutil.rmtree(self.folder, ignore_errors=True)
