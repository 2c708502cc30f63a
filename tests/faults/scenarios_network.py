"""Faults of the network: partitions, lost packets, slow and broken connections."""

import time

from registry import fault
from trial import Trial


def hosts(trial, nodes):
    return [trial.network.host(node) for node in nodes]


def heals(trial):
    """The network is well again: everything must be so too."""
    trial.network.heal()
    trial.note(f"in sync {trial.cluster.wait_in_sync(60):.1f} s after the end")
    trial.run(0.2)


@fault(network=True)
def partition_full(settings):
    """The primary and all other servers do not reach each other; clients and coordinator reach all."""
    with Trial(settings, network=True) as trial:
        trial.start()
        leader = trial.cluster.primary()
        trial.network.cut(leader, hosts(trial, [node for node in trial.cluster.nodes if node != leader]))
        trial.mark()
        trial.run(0.4)
        heals(trial)
    return trial.result


@fault(network=True)
def partition_one_way(settings):
    """What the primary sends to the other servers is lost; what they send arrives."""
    with Trial(settings, network=True) as trial:
        trial.start()
        leader = trial.cluster.primary()
        trial.network.cut(leader, hosts(trial, [node for node in trial.cluster.nodes if node != leader]), to=True, back=False)
        trial.mark()
        trial.run(0.4)
        heals(trial)
    return trial.result


@fault(network=True)
def partition_other_way(settings):
    """What the other servers send to the primary is lost; what it sends arrives."""
    with Trial(settings, network=True) as trial:
        trial.start()
        leader = trial.cluster.primary()
        trial.network.cut(leader, hosts(trial, [node for node in trial.cluster.nodes if node != leader]), to=False, back=True)
        trial.mark()
        trial.run(0.4)
        heals(trial)
    return trial.result


@fault(network=True, etcd=True)
def partition_coordinator(settings):
    """The primary does not reach etcd: updates go on."""
    with Trial(settings, network=True, coordinator="etcd") as trial:
        trial.start()
        leader = trial.cluster.primary()
        trial.network.cut(leader, [trial.network.ETCD])
        trial.mark()
        trial.run(0.4)
        if trial.cluster.primary() != leader:
            trial.note("another took over")
        heals(trial)
    return trial.result


@fault(network=True, etcd=True)
def partition_from_all(settings):
    """The primary reaches nobody: servers, clients, etcd."""
    with Trial(settings, network=True, coordinator="etcd") as trial:
        trial.start()
        leader = trial.cluster.primary()
        others = hosts(trial, [node for node in trial.cluster.nodes if node != leader])
        trial.network.cut(leader, [*others, trial.network.ETCD, trial.network.CLIENTS])
        trial.mark()
        trial.run(0.4)
        if trial.cluster.primary() == leader:
            trial.find(f"server {leader} still leads though nobody reaches it")
        heals(trial)
    return trial.result


def loss(settings, share):
    with Trial(settings, network=True) as trial:
        trial.start()
        for node in trial.cluster.nodes:
            trial.network.lose(node, share)
        trial.mark()
        trial.run(0.6)
        heals(trial)
    return trial.result


@fault(network=True)
def loss_5(settings):
    """Of all packets of all servers 5 % are lost, each way."""
    return loss(settings, 0.05)


@fault(network=True)
def loss_20(settings):
    """Of all packets of all servers 20 % are lost, each way."""
    return loss(settings, 0.2)


@fault(network=True)
def bandwidth(settings):
    """Every server has 8 Mbit/s; a backup is killed, and gets its 4 MiB of state over that."""
    with Trial(settings, network=True, ballast=True) as trial:
        trial.start(pause=0.01)  # at full speed the updates alone would fill the wire
        for node in trial.cluster.nodes:
            trial.network.slow(node, 8)
        trial.mark()
        trial.run(0.2)
        victim = trial.cluster.backups()[-1]
        trial.cluster.kill(victim)
        trial.run(0.2)
        trial.cluster.start(victim)
        trial.note(f"4 MiB of state copied in {trial.cluster.wait_in_sync(120):.1f} s")
        trial.run(0.2)
        heals(trial)
    return trial.result


@fault()
def jitter(settings):
    """Everything is 5 to 50 ms late, connections begin up to 100 ms late and out of their order; the primary is killed meanwhile."""
    with Trial(settings, proxy=True) as trial:
        trial.start()
        trial.cluster.weather("delay 5 50")
        trial.cluster.weather("accept 0 100")
        trial.mark()
        trial.run(0.3)
        victim = trial.cluster.primary()
        trial.cluster.kill(victim)
        trial.run(0.3)
        trial.cluster.start(victim)
        trial.cluster.wait_in_sync(60)
        trial.cluster.weather("clear")
        trial.run(0.1)
    return trial.result


@fault()
def resets(settings):
    """Of all pieces of data 1 % break their connection."""
    with Trial(settings, proxy=True) as trial:
        trial.start()
        trial.cluster.weather("reset 0.01")
        trial.mark()
        trial.run(0.6)
        trial.cluster.weather("clear")
        trial.cluster.wait_in_sync(60)
        time.sleep(1)
    return trial.result
