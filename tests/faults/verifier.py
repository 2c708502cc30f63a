"""Holds journals and the model at the end against what the servers promise. Every finding is one line of text.

Lost updates are 0 in their cell, doubled ones 2. Versions give the order of updates, so that it is enough to look at each
once: of two updates, or an update and a read, one that ended before the other began must have the lower version.
"""

from journal import Push

NOT_KNOWN = ("NGD_E_TIMEOUT", "NGD_E_LINEAGE", "NGD_E_EXPIRED")  # whether it happened
MOST = 20  # findings of a kind that are told


class Findings:
    def __init__(self):
        self.lines, self.counts = [], {}

    def add(self, kind, text):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= MOST:
            self.lines.append(f"{kind}: {text}")


def told(push):
    state = f"acknowledged as version {push.version}" if push.acknowledged else f"failed with {push.code}"
    return f"update {push.j} of worker {push.worker} ({state}, lineage {push.lineage})"


def check_order(journals, findings):
    acknowledged = sorted((push for journal in journals for push in journal.acknowledged()), key=lambda push: push.version)
    for before, after in zip(acknowledged, acknowledged[1:]):
        if before.version == after.version:
            findings.add("version twice", f"{told(before)}, {told(after)}")
    # Real time, from the highest version down: nobody may have begun after one with a higher version had ended.
    ended = None
    for push in reversed(acknowledged):
        if ended is not None and ended.end < push.begin:
            findings.add("order", f"{told(push)} began after the end of {told(ended)}")
        if ended is None or push.end < ended.end:
            ended = push
    # A read is as new as all that had been acknowledged when it began.
    by_end = sorted(acknowledged, key=lambda push: push.end)
    newest, at = None, 0
    for read in sorted((read for journal in journals for read in journal.reads), key=lambda read: read.begin):
        while at < len(by_end) and by_end[at].end < read.begin:
            if newest is None or by_end[at].version > newest.version:
                newest = by_end[at]
            at += 1
        if newest is not None and newest.version > read.version:
            findings.add("old read", f"worker {read.worker} read version {read.version} after {told(newest)}")


def check_workers(journals, findings):
    for journal in journals:
        newest = 0
        for event in journal.order:
            if isinstance(event, Push):
                if not event.acknowledged:
                    continue
                if event.version <= newest:
                    findings.add("version back", f"{told(event)} after version {newest}")
            else:
                if event.version < newest:
                    findings.add("version back", f"worker {event.worker} read version {event.version} after version {newest}")
                if event.torn:
                    findings.add("torn", f"worker {event.worker} read version {event.version}: {event.torn} cells differ between shards")
                if event.missing:
                    findings.add("lost", f"worker {event.worker} read version {event.version}: {event.missing} of its own updates are not in it")
            newest = max(newest, event.version)
        for before, after in zip(journal.lineages, journal.lineages[1:]):
            if after.number != before.number and not after.told:
                findings.add("silent loss", f"worker {journal.worker} came from lineage {before.number} to {after.number} and was not told")
            if after.number < before.number:
                findings.add("lineage back", f"worker {journal.worker}: {before.number}, {after.number}")


def check_cells(journals, final, lineage, findings):
    """final: {worker: [the cells of each shard]}. Returns the acknowledged updates that went with a lineage."""
    gone, kept = [], []
    for journal in journals:
        shards = final[journal.worker]
        cells = shards[0]
        for column, copies in enumerate(zip(*shards)):
            if len(set(copies)) > 1:
                findings.add("torn", f"cell {column} of worker {journal.worker} is {copies} on the shards")
        for push in journal.pushes:
            value = cells[push.j]
            if value not in (0, 1):
                findings.add("doubled" if value > 1 else "damaged", f"{told(push)} is there {value:g} times")
            elif push.acknowledged and push.lineage == lineage and value != 1:
                findings.add("lost", told(push))
            elif push.acknowledged and push.lineage < lineage:
                (kept if value == 1 else gone).append(push)
            elif push.code and push.code not in NOT_KNOWN and value != 0:
                findings.add("refused, yet there", told(push))
        # One more may have been under way.
        for column in range(journal.begun() + 1, len(cells)):
            if cells[column] != 0:
                findings.add("damaged", f"cell {column} of worker {journal.worker} is {cells[column]:g}, but nobody wrote it")
    # What a checkpoint kept of a lineage is all up to one version.
    for number in {push.lineage for push in gone}:
        first = min((push for push in gone if push.lineage == number), key=lambda push: push.version)
        for push in kept:
            if push.lineage == number and push.version > first.version:
                findings.add("lost", f"{told(first)}, though {told(push)} was kept")
                break
    return gone


def verify(journals, final, lineage, may_lose=False):
    """may_lose: all replicas of a shard died, so a new lineage is no mistake, as long as everybody is told."""
    findings = Findings()
    check_workers(journals, findings)
    check_order(journals, findings)
    gone = check_cells(journals, final, lineage, findings)
    first = min((journal.lineages[0].number for journal in journals if journal.lineages), default=lineage)
    if lineage != first and not may_lose:
        findings.add("lineage", f"it is {lineage} and was {first}, though no shard lost all its replicas; {len(gone)} acknowledged updates are gone")
    return findings, len(gone)
