"""Servers that are killed at random, again and again, under load; after each kill the model is held against the journals."""

import random
import time

from cells import WIDTH, Cells, Failed
from cluster import until
from journal import Follower
from table import Table, seconds_text
from trial import WAIT_MS, Trial

KILLS_OF_A_CLUSTER = 200  # then another begins: journals would grow without end
CHECKPOINT_SECONDS = 1
WHO = ("primary", "backup", "all")
SHARES = (0.45, 0.35, 0.2)


class Checker:
    """A client that reads what has been acknowledged since it last read."""

    def __init__(self, trial):
        self.trial, settings = trial, trial.settings
        self.client = Cells(settings.program, "m", settings.shards, trial.client_options() + ",worker=0", trial.ballast)
        self.client.connect(trial.cluster.addresses(), WAIT_MS)
        self.lineage = self.client.lineage(WAIT_MS)
        self.followers = [Follower(number, trial.journal(number)) for number in trial.workers]

    def again(self, call, *arguments):
        """A call that may be told once of a new lineage."""
        try:
            return call(*arguments, WAIT_MS)
        except Failed as failed:
            if failed.code != "NGD_E_LINEAGE":
                raise
            return call(*arguments, WAIT_MS)

    def check(self, may_lose):
        """What is missing or doubled of the updates since the last time becomes a finding."""
        fresh = [follower.more().acknowledged() for follower in self.followers]
        lineage = self.again(self.client.lineage)
        if lineage != self.lineage and not may_lose:
            self.trial.find(f"lineage: it is {lineage} and was {self.lineage}, though nothing that was answered for is lost")
        self.lineage = lineage
        for follower, pushes in zip(self.followers, fresh):
            pushes = [push for push in pushes if push.lineage == lineage]
            for row in sorted({push.j // WIDTH for push in pushes}):
                _, shards = self.again(self.client.pull_row, follower.worker, row)
                for push in pushes:
                    if push.j // WIDTH != row:
                        continue
                    copies = [cells[push.j % WIDTH] for cells in shards]
                    if set(copies) != {1}:
                        self.trial.find(f"update {push.j} of worker {push.worker}, acknowledged as version {push.version}, is there {copies} times")


class Storm:
    def __init__(self, trial, draws):
        self.trial, self.draws, self.waits, self.counts = trial, draws, {who: [] for who in WHO}, dict.fromkeys(WHO, 0)

    def kill(self):
        """One death, or one of all at once; until every shard has all its replicas again."""
        cluster, who = self.trial.cluster, self.draws.choices(WHO, SHARES)[0]
        shards = cluster.shards()
        shard = shards[self.draws.choice(sorted(shards))]
        backups = [node for node, _ in shard.members if node != shard.primary]
        victims = {"primary": [shard.primary], "backup": [self.draws.choice(backups)], "all": list(cluster.nodes)}[who]
        for node in victims:
            cluster.kill(node)
        moment = time.monotonic()
        if who != "all":  # whoever is left must serve without the one that is gone
            until("updates go on", 60, lambda: all(journal.first_after(moment) for journal in self.trial.latest()))
        else:
            time.sleep(self.draws.random())
        cluster.start_all(victims)
        cluster.wait_in_sync(60)
        until("updates go on", 60, lambda: all(journal.first_after(moment) for journal in self.trial.latest()))
        self.waits[who] += [journal.first_after(moment) for journal in self.trial.latest()]
        self.counts[who] += 1
        return who


def storm_of_one_cluster(settings, kills, seed, told):
    logged = settings.ack == "disk"
    with Trial(settings, data=True, options=f"checkpoint_every={CHECKPOINT_SECONDS}", may_lose=not logged, ack=settings.ack) as trial:
        trial.start()
        checker, storm = Checker(trial), Storm(trial, random.Random(seed))
        time.sleep(2.5 * CHECKPOINT_SECONDS)  # from now on there is a checkpoint, on whichever server
        for number in range(kills):
            time.sleep(storm.draws.random() * 0.3)
            who = storm.kill()
            checker.check(may_lose=who == "all" and not logged)
            if trial.result.findings:
                trial.find(f"after kill {number + 1} of the storm of seed {seed}: {who}")
                break
            if (number + 1) % 50 == 0:
                print(f"{told + number + 1} kills", flush=True)
        checker.client.end()
    return trial.result, storm


def storm(settings, kills):
    """Returns the numbers of clusters and of those with findings."""
    began, clusters, bad, waits, counts, results = time.monotonic(), 0, 0, {who: [] for who in WHO}, dict.fromkeys(WHO, 0), []
    while sum(counts.values()) < kills and bad == 0:
        done = sum(counts.values())
        result, one = storm_of_one_cluster(settings, min(KILLS_OF_A_CLUSTER, kills - done), settings.seed + clusters, done)
        clusters += 1
        results.append(result)
        bad += bool(result.findings)
        for who in WHO:
            waits[who] += one.waits[who]
            counts[who] += one.counts[who]
        for finding in result.findings:
            print(f"  FOUND {finding}", flush=True)
        if result.findings:
            print(f"  kept: {result.folder}", flush=True)
    table = Table(("killed", "times", "first update of each worker after it: median, most"))
    for who in WHO:
        table.add({"all": "all servers"}.get(who, who), counts[who], seconds_text(waits[who]))
    table.show()
    print(f"{sum(counts.values())} kills in {time.monotonic() - began:.0f} s, {settings.shards} x {settings.replicas}: "
          f"{sum(result.acknowledged for result in results)} of {sum(result.updates for result in results)} updates acknowledged, "
          f"{sum(result.gone for result in results)} of them went back to a checkpoint, as their workers were told; "
          f"the rest is there once")
    return clusters, bad
