"""How long clients wait when a primary goes: the same again and again, on one cluster."""

import statistics
import time

from table import Table, quantile
from trial import Trial


class Series:
    """Takeovers of a cluster with replicas in sync before each."""

    def __init__(self, trial, how, etcd_leader):
        self.trial, self.how, self.etcd_leader, self.times, self.stayed = trial, how, etcd_leader, [], 0

    def once(self):
        trial, cluster = self.trial, self.trial.cluster
        cluster.wait_in_sync(60)
        time.sleep(0.2)
        victim, epoch = cluster.primary(), next(iter(cluster.shards().values())).epoch
        member = cluster.etcd.leader() if self.etcd_leader else None
        if member is not None:
            cluster.etcd.kill(member)
        moment = self.begin(victim)
        self.times.append(self.first_after(moment))
        self.stayed += next(iter(cluster.shards().values())).epoch == epoch
        self.end(victim)
        if member is not None:
            cluster.etcd.restart(member)
            cluster.etcd.leader()

    def begin(self, victim):
        cluster = self.trial.cluster
        if self.how == "kill":
            cluster.kill(victim)
        elif self.how == "stop":
            cluster.stop(victim)
        else:
            others = [cluster.network.host(node) for node in cluster.nodes if node != victim]
            cluster.network.cut(victim, others)
        return time.monotonic()

    def end(self, victim):
        cluster = self.trial.cluster
        if self.how == "kill":
            cluster.start(victim)
        elif self.how == "stop":
            time.sleep(0.5)
            cluster.go_on(victim)
        else:
            cluster.network.heal()

    def first_after(self, moment, seconds=60):
        """Of the worker that was first."""
        while time.monotonic() < moment + seconds:
            found = [first for journal in self.trial.latest() if (first := journal.first_after(moment)) is not None]
            if found:
                return min(found)
            time.sleep(0.02)
        raise TimeoutError(f"nothing was acknowledged within {seconds} s")


def takeovers(settings, how, count, etcd_leader):
    """Runs `count` of them and prints what they took. Returns the numbers of runs and of those with findings."""
    coordinator = "etcd" if etcd_leader else settings.coordinator
    with Trial(settings, network=how == "partition", coordinator=coordinator) as trial:
        series = Series(trial, how, etcd_leader)
        trial.start()
        for number in range(count):
            try:
                series.once()
                if (number + 1) % 50 == 0:
                    print(f"{number + 1} takeovers", flush=True)
            except TimeoutError as error:
                trial.find(f"takeover {number + 1}: {error}")
                break
        trial.run(0.1)
    times = series.times
    table = Table(("takeover", "shards x replicas", "coordinator", "count", "median", "p99", "least", "most", "epoch stayed"))
    table.add(how + (" and etcd's leader" if etcd_leader else ""), f"{settings.shards} x {settings.replicas}", coordinator, len(times),
              *(f"{value:.2f} s" for value in (statistics.median(times), quantile(times, 0.99), min(times), max(times))), series.stayed)
    table.show()
    for finding in trial.result.findings:
        print(f"  FOUND {finding}")
    print(f"{trial.result.acknowledged} of {trial.result.updates} updates acknowledged")
    return count, int(bool(trial.result.findings))
