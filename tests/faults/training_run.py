"""One training by `ngd train --workers` of which a process is killed, or stands still for a while; and the verdict at its end."""

import json
import os
import signal
import subprocess
import threading
import time

import counted
from cluster import until
from records import Records

RESUME = "to go on: ngd train --resume "
SYNC_SECONDS = 5  # after the launcher's death, until nothing of it runs


def processes(run):
    """{process id: words} of all that name the run directory, zombies not."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                gone = file.read().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            continue
        if not gone and any(word == run or word.startswith((run + "/", f"local:{run}/")) for word in words):
            found[int(pid)] = words
    return found


class Launcher:
    """A process `ngd train`, and what it tells, with the times."""

    def __init__(self, command, directory, environment):
        self.process = subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events, self.complaints = [], []  # (time, event); lines
        self.threads = [threading.Thread(target=self._hear), threading.Thread(target=self._read_complaints)]
        for thread in self.threads:
            thread.start()

    def _hear(self):
        for line in self.process.stdout:
            try:
                self.events.append((time.monotonic(), json.loads(line)))
            except ValueError:
                self.complaints.append(f"this is no event: {line!r}")

    def _read_complaints(self):
        self.complaints.extend(self.process.stderr)

    def wait(self, seconds):
        """Whether it ended within so many seconds; else it is killed."""
        try:
            self.process.wait(seconds)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
            self.kill()
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return ended

    def kill(self):
        self.process.kill()
        self.process.wait()

    def growth(self):
        """Times at which it told of more rows than ever before; the first is that of what was there when it began."""
        most, times = -1, []
        for moment, event in list(self.events):
            if event["rows"] > most:
                most = event["rows"]
                times.append(moment)
        return times


class TrainingRun:
    """The run of a case, in a folder of its own."""

    def __init__(self, program, folder, case, cluster, seconds, outer=None):
        """cluster: options of ngd train for servers and workers; seconds: after which it must have ended, with the time for resuming;
        outer: servers that run already, where they are not the launcher's own."""
        self.program, self.folder, self.case, self.cluster, self.seconds = program, folder, case, cluster, seconds
        self.run, self.temporary = os.path.join(folder, "run"), os.path.join(folder, "tmp")
        os.makedirs(self.temporary)
        self.environment = {**os.environ, "TMPDIR": self.temporary}
        self.launchers, self.findings, self.resumed, self.moment, self.victim = [], [], 0, None, ""
        self.longest_pause, self.went_back, self.accuracy, self.outer, self.mend = 0.0, False, None, outer, None
        self.begun = time.monotonic()
        self._launch("--run", self.run, *case.arguments, *cluster)

    def _launch(self, *arguments):
        self.launchers.append(Launcher([self.program, "train", *arguments, "-o", "json"], self.folder, self.environment))

    def launcher(self):
        return self.launchers[-1]

    def records(self):
        return Records(os.path.join(self.run, "servers", "coordinator"))

    def find(self, text):
        self.findings.append(text)

    # --- the end ------------------------------------------------------------------------------------------------------------

    def _left(self):
        return max(1.0, self.begun + self.seconds - time.monotonic())

    def _resume(self):
        """As a user does who saw it die."""
        self.resumed += 1
        if os.path.exists(self.run):
            self._launch("--resume", self.run)
        else:
            self._launch("--run", self.run, *self.case.arguments, *self.cluster)

    def end(self, killed):
        """Waits for the end; `killed`: the launcher was, so that it is resumed. Fills findings."""
        if killed:
            self.launcher().wait(5)
            self._nothing_left("after the launcher's death", SYNC_SECONDS)
            self._resume()
        for attempt in range(4):
            if attempt > 0:
                self._resume()
            launcher = self.launcher()
            if not launcher.wait(self._left()):
                return self.find(f"not at its end {self.seconds:.0f} s after its begin: {self._said()}")
            self._nothing_left("after its end", 0.5)
            if launcher.process.returncode == 0:
                return self._judge()
            if not any(RESUME in line for line in launcher.complaints):
                return self.find(f"ended with {launcher.process.returncode}, and does not say how to go on: {self._said()}")
        return self.find(f"ended badly again and again: {self._said()}")

    def _said(self):
        return " | ".join(line.strip() for line in self.launcher().complaints[-6:])

    def _nothing_left(self, when, seconds):
        try:
            until("no process is left", seconds, lambda: not processes(self.run))
        except Exception:
            left = processes(self.run)
            self.find(f"{when} there were still {', '.join(f'{pid} ({words[1]})' for pid, words in left.items())}")
            for pid in left:
                os.kill(pid, signal.SIGKILL)

    def log(self):
        with open(os.path.join(self.run, "log.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def _judge(self):
        log, case = self.log(), self.case
        ends = [line for line in log if line["event"] == "end" and line["reason"] == "epochs"]
        rows = self._rows_of_epoch()
        if len(ends) != 1 or (ends[-1]["rows"], ends[-1]["epoch"]) != (rows * case.epochs, case.epochs):
            self.find(f"{len(ends)} ends: {[(line['rows'], line['epoch']) for line in ends]}; asked for: {rows} rows {case.epochs} times")
        if {line["epoch"] for line in log if line["event"] == "epoch"} != set(range(1, case.epochs + 1)):
            self.find("not every epoch has a line in the log")
        updates = [line for line in log if line["event"] == "updates"]
        self.longest_pause, self.went_back = self._pause(), bool(updates) and updates[-1]["lineage"] > 1
        if not updates:
            if not self.resumed:  # else it was killed between its end and the account
                self.find("the log does not tell of updates")
        elif case.one_by_one and updates[-1]["lineage"] == 1 and updates[-1]["acknowledged"] != updates[-1]["applied"]:
            self.find(f"{updates[-1]['acknowledged']} updates acknowledged, {updates[-1]['applied']} applied")
        if case.counted and (wrong := counted.wrong_counts(self.run, case.epochs)):
            self.find(wrong)
        self.accuracy = [line["held_out_accuracy"] for line in log if line["event"] == "epoch"][-1]
        if (self.accuracy or 0) < case.accuracy:
            self.find(f"the accuracy is {self.accuracy}, and should be {case.accuracy}")
        for folder in (self.temporary, os.path.join(self.run, "servers")):
            left = [name for name in os.listdir(folder) if not name.endswith(".log")]
            if left:
                self.find(f"left behind in {folder}: {left}")

    def _rows_of_epoch(self):
        with open(os.path.join(self.run, "config.json"), encoding="utf-8") as file:
            return json.load(file)["training"]["rows"]

    def _pause(self):
        """The longest time without progress, from the fault on; with the start of the one that resumed."""
        if self.moment is None:
            return 0.0
        times = self.launchers[0].growth()
        for launcher in self.launchers[1:]:
            times += launcher.growth()[1:]
        before = [moment for moment in times if moment <= self.moment]
        after = [moment for moment in times if moment > self.moment]
        steps = ([before[-1]] if before else [self.moment]) + after
        return max((b - a for a, b in zip(steps, steps[1:])), default=0.0)
