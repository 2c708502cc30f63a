"""A client in a process of its own, as a test of faults starts it: pushes and reads until SIGTERM, and keeps a journal.

usage: worker.py JSON   with program, model, shards, addresses, number, journal, and what the modes below read.

A line of the journal is written when its call has come back, times are those of CLOCK_MONOTONIC:

    connected LINEAGE                     once, and again after each error
    pushed J BEGIN END VERSION            acknowledged
    failed J BEGIN END CODE TEXT          not; whether it happened depends on the code
    read BEGIN END VERSION TORN MISSING   one's own last row: cells that differ between shards, acknowledged ones that lack
    readfailed BEGIN END CODE TEXT
    said TEXT                             of the other modes
"""

import json
import os
import signal
import sys
import time

from cells import WIDTH, Cells, Failed


class Worker:
    def __init__(self, told):
        self.told, self.ending = told, False
        self.number, self.wait_ms = told["number"], told.get("wait_ms", 60000)
        self.journal = os.open(told["journal"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        signal.signal(signal.SIGTERM, self.end)
        self.cells = Cells(told["program"], told["model"], told["shards"], told.get("options", ""), told.get("ballast", False),
                           told.get("cells", True))
        self.cells.connect(told["addresses"], self.wait_ms)
        self.cells.init(self.wait_ms)
        self.next, self.row, self.acknowledged = 0, -1, set()
        self.connected()

    def end(self, *_):
        self.ending = True

    def note(self, *words):
        os.write(self.journal, (" ".join(str(word) for word in words) + "\n").encode())

    def connected(self):
        self.note("connected", self.cells.lineage(self.wait_ms))

    def push(self):
        """The next update; True when it is acknowledged."""
        j, self.next, begin = self.next, self.next + 1, time.monotonic()
        if j // WIDTH != self.row:
            self.row, self.acknowledged = j // WIDTH, set()
        try:
            version = self.cells.push(self.number, j, self.wait_ms)
        except Failed as failed:
            self.note("failed", j, begin, time.monotonic(), failed.code, failed.text)
            self.recover(failed.code)
            return False
        self.note("pushed", j, begin, time.monotonic(), version)
        self.acknowledged.add(j % WIDTH)
        return True

    def read(self):
        begin = time.monotonic()
        try:
            version, shards = self.cells.pull_row(self.number, self.row, self.wait_ms)
        except Failed as failed:
            self.note("readfailed", begin, time.monotonic(), failed.code, failed.text)
            self.recover(failed.code)
            return
        torn = sum(len(set(copies)) > 1 for copies in zip(*shards))
        missing = sum(shards[0][column] != 1 for column in self.acknowledged)
        self.note("read", begin, time.monotonic(), version, torn, missing)

    def recover(self, code):
        """What a program does that goes on after an error."""
        self.acknowledged = set()
        while not self.ending:
            try:
                if code == "NGD_E_STATE":  # the model lost its values, with all servers
                    self.cells.init(self.wait_ms)
                return self.connected()
            except Failed as failed:
                self.note("said", "after", code, failed)
                time.sleep(0.01)
        return None

    def run_push(self):
        pause, every = self.told.get("pause", 0), self.told.get("read_every", 16)
        while not self.ending:
            self.push()
            if self.next % every == 0:
                self.read()
            if pause:
                time.sleep(pause)
        self.connected()

    def run_now_and_then(self):
        """Pushes rarely: nothing is under way when something happens."""
        while not self.ending:
            self.push()
            until = time.monotonic() + self.told["idle"]
            while time.monotonic() < until and not self.ending:
                time.sleep(0.05)
        self.connected()

    def run_lock(self):
        """Holds a lock, pushes, takes it again when it was lost."""
        while not self.ending:
            try:
                token = self.cells.lock("pen", self.wait_ms)
                self.note("said", "locked", token, time.monotonic())
                for _ in range(self.told.get("pushes", 20)):
                    if self.ending or not self.push():
                        break
                self.cells.unlock("pen", token, self.wait_ms)
                self.note("said", "unlocked", token, time.monotonic())
            except Failed as failed:
                self.note("said", "lost", failed.code, time.monotonic())
            time.sleep(0.001)
        self.connected()

    def run_heavy(self):
        """Asks for more than it takes: big reads, all begun before the first is fetched."""
        while not self.ending:
            tickets = []
            for _ in range(self.told["reads"]):
                tickets.append(self.cells.start_heavy_pull(self.wait_ms))
            self.note("said", "asked", len(tickets), time.monotonic())
            for ticket in tickets:
                try:
                    self.cells.wait_heavy_pull(ticket, self.wait_ms)
                    self.note("said", "got", time.monotonic())
                except Failed as failed:
                    self.note("said", "failed", failed)


def main():
    worker = Worker(json.loads(sys.argv[1]))
    print("ready", flush=True)
    getattr(worker, "run_" + worker.told.get("mode", "push"))()
    worker.cells.end()


if __name__ == "__main__":
    main()
