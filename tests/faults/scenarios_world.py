"""Faults of what servers lean on: etcd, disks, and clients that take nothing."""

import os
import signal
import subprocess
import time

from cluster import until
from registry import fault
from trial import Trial

QUORUM_SECONDS = 30


@fault(etcd=True)
def etcd_leader_killed(settings):
    """etcd's leader is killed: updates go on."""
    with Trial(settings, coordinator="etcd") as trial:
        trial.start()
        leader = trial.cluster.etcd.leader()
        trial.cluster.etcd.kill(leader)
        trial.mark()
        trial.run(0.5)
        trial.cluster.etcd.restart(leader)
        trial.run(0.2)
        trial.cluster.wait_in_sync()
    return trial.result


@fault(etcd=True)
def etcd_and_primary_killed(settings):
    """etcd's leader and the primary are killed in the same second."""
    with Trial(settings, coordinator="etcd") as trial:
        trial.start()
        victim, leader = trial.cluster.primary(), trial.cluster.etcd.leader()
        trial.cluster.etcd.kill(leader)
        trial.cluster.kill(victim)
        trial.mark()
        trial.run(0.6)
        trial.cluster.etcd.restart(leader)
        trial.cluster.start(victim)
        trial.cluster.wait_in_sync()
    return trial.result


@fault(etcd=True)
def etcd_quorum_lost(settings):
    """Two of three members of etcd are gone for 30 s: updates go on; a server that dies then is replaced when they are back."""
    with Trial(settings, coordinator="etcd") as trial:
        trial.start()
        etcd = trial.cluster.etcd
        gone = [etcd.leader()]
        gone.append((gone[0] + 1) % 3)
        victim = trial.cluster.backups()[-1]
        for member in gone:
            etcd.kill(member)
        lost = time.monotonic()
        seconds = min(QUORUM_SECONDS, 3 * settings.seconds)
        time.sleep(seconds / 2)
        longest = max(journal.longest_after(lost, time.monotonic()) for journal in trial.journals())
        trial.note(f"longest update without a quorum {longest:.2f} s")
        trial.cluster.kill(victim)  # it cannot be put out of the set: everybody waits
        time.sleep(seconds / 2)
        trial.mark()
        for member in gone:
            etcd.restart(member)
        trial.cluster.start(victim)
        trial.note(f"in sync {trial.cluster.wait_in_sync(60):.1f} s after the quorum")
        trial.run(0.2)
    return trial.result


@fault(root=True)
def disk_full(settings):
    """The disk of every server is full: checkpoints cannot be written, updates go on."""
    with Trial(settings, data=True, options="checkpoint_every=1", disk="1m") as trial:
        fill_disks(trial)
    return trial.result


@fault(root=True)
def disk_full_with_log(settings):
    """The same with ack=disk, no replicas: updates wait, and go on once there is room."""
    with Trial(Trial.alone(settings), servers=2, data=True, ack="disk", options="log_bytes=1048576", disk="16m") as trial:
        fill_disks(trial)
        if trial.stood < trial.settings.seconds * 0.2:
            trial.find(f"updates took at most {trial.stood:.1f} s while no log could be written")
    return trial.result


def fill_disks(trial):
    trial.start()
    for path in trial.disks:
        fill(os.path.join(path, "filler"))
    trial.mark()
    trial.run(0.4)
    for path in trial.disks:
        os.remove(os.path.join(path, "filler"))
    room = time.monotonic()
    trial.run(0.3)
    journals = trial.journals()
    trial.stood = max(journal.longest_after(trial.moment, time.monotonic()) for journal in journals)
    trial.note(f"{sum(trial.moment < push.end < room for journal in journals for push in journal.pushes)} updates while disks were full")
    ways = [journal.first_after(room) for journal in journals]
    trial.note(f"on again {max(way or 1e9 for way in ways):.2f} s after there was room")


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


@fault()
def slow_consumer(settings):
    """A client asks for 256 MiB and stands still: servers do not grow with it, nobody else waits for it."""
    with Trial(settings) as trial:
        trial.start()
        trial.start_worker(9, mode="heavy", reads=64, model="heavy", ballast=True, cells=False)
        until("the client has asked", 30, lambda: any("asked" in line for journal in trial.journals() for line in journal.said))
        before = sum(trial.cluster.resident(node) for node in trial.cluster.nodes)
        trial.workers[9].send_signal(signal.SIGSTOP)
        trial.mark()
        most, end = before, time.monotonic() + trial.settings.seconds * 0.4
        while time.monotonic() < end:
            most = max(most, sum(trial.cluster.resident(node) for node in trial.cluster.nodes))
            time.sleep(0.05)
        trial.note(f"servers grew by {(most - before) / 2**20:.0f} MiB")
        if most - before > 128 << 20:
            trial.find(f"memory: the servers grew by {(most - before) >> 20} MiB for a client that takes nothing")
        trial.workers[9].send_signal(signal.SIGCONT)
        trial.run(0.2)
    return trial.result
