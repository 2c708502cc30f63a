"""Reads what workers wrote, as lists of what happened to each of them."""

import os
from dataclasses import dataclass


@dataclass(slots=True)
class Push:
    worker: int
    j: int
    begin: float
    end: float
    version: int = 0  # of one that was acknowledged
    code: str = ""    # of one that failed
    text: str = ""
    lineage: int = 0  # that the worker knew of
    spell: int = 0    # errors that it had been told of before

    @property
    def acknowledged(self):
        return self.code == ""


@dataclass(slots=True)
class Read:
    worker: int
    begin: float
    end: float
    version: int
    torn: int
    missing: int
    spell: int = 0


@dataclass(slots=True)
class Lineage:
    worker: int
    number: int
    told: bool  # the worker was told by an error since it last looked


class Journal:
    """Of one worker."""

    def __init__(self, worker, lines, lineage=0):
        self.worker, self.pushes, self.reads, self.lineages, self.errors, self.said = worker, [], [], [], [], []
        self.order = []  # pushes and reads as they ended
        told, spell = True, 0
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "connected":
                lineage = int(rest)
                self.lineages.append(Lineage(worker, lineage, told))
                told = False
            elif word == "pushed":
                j, begin, end, version = rest.split()
                self._add(self.pushes, Push(worker, int(j), float(begin), float(end), int(version), "", "", lineage, spell))
            elif word == "failed":
                j, begin, end, code, text = rest.split(" ", 4)
                self._add(self.pushes, Push(worker, int(j), float(begin), float(end), 0, code, text, lineage, spell))
                told |= code == "NGD_E_LINEAGE"
                spell += 1
                self.errors.append((float(end), "push", code, text))
            elif word == "read":
                begin, end, version, torn, missing = rest.split()
                self._add(self.reads, Read(worker, float(begin), float(end), int(version), int(torn), int(missing), spell))
            elif word == "readfailed":
                begin, end, code, text = rest.split(" ", 3)
                told |= code == "NGD_E_LINEAGE"
                spell += 1
                self.errors.append((float(end), "read", code, text))
            elif word == "said":
                told |= "NGD_E_LINEAGE" in rest
                self.said.append(rest)
            else:
                raise ValueError(f"worker {worker}: {line!r}")
        self.lineage = lineage  # the last that it knew of

    def _add(self, kind, event):
        kind.append(event)
        self.order.append(event)

    def acknowledged(self):
        return [push for push in self.pushes if push.acknowledged]

    def begun(self):
        """Number of updates that were begun, as far as is known: one more may be under way."""
        return max((push.j for push in self.pushes), default=-1) + 1

    def first_after(self, moment):
        """Seconds until the first update that was begun after `moment` is acknowledged; None: there is none. One that was begun
        then cannot have been answered by a server that was dead by then."""
        for push in self.pushes:
            if push.acknowledged and push.begin > moment:
                return push.end - moment
        return None

    def longest_after(self, moment, until):
        """The longest that an update took which ended between the two."""
        return max((push.end - push.begin for push in self.pushes if moment < push.end <= until), default=0.0)


def read_journal(worker, path, last=None):
    """last: of its end only, in bytes. What was not yet written to its end is left out."""
    if not os.path.exists(path):
        return Journal(worker, [])
    with open(path, "rb") as file:
        begin = max(0, os.fstat(file.fileno()).st_size - last) if last else 0
        file.seek(begin)
        data = file.read()
    lines = data[:data.rfind(b"\n") + 1].decode(errors="replace").splitlines()
    return Journal(worker, lines[1:] if begin else lines)


class Follower:
    """Reads a journal on from where it was read to before."""

    def __init__(self, worker, path):
        self.worker, self.path, self.at, self.lineage = worker, path, 0, 0

    def more(self):
        with open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read()
        data = data[:data.rfind(b"\n") + 1]
        self.at += len(data)
        journal = Journal(self.worker, data.decode(errors="replace").splitlines(), self.lineage)
        self.lineage = journal.lineage
        return journal
