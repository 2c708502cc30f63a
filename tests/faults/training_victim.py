"""Who is killed: the processes of a training by what they do at that moment."""

import os
import re
import signal
import time

from cluster import Trouble, until
from records import in_sync
from training_run import processes

WRITING_SECONDS = 6  # that a change of the records is waited for


class TooLate(Exception):
    """The training ended before the fault came to it."""


def node_of(words):
    return int(words[words.index("--node") + 1])


def servers(run):
    """{node: process id}"""
    return {node_of(words): pid for pid, words in processes(run).items() if words[1] == "server"}


def worker(training, draws):
    found = [pid for pid, words in processes(training.run).items() if words[1] == "worker"]
    return draws.choice(sorted(found)) if found else None


def primary(training, draws):
    """Of a shard that is drawn."""
    shards, alive = training.records().shards(), servers(training.run)
    found = [alive[shard.primary] for shard in shards.values() if shard.primary in alive]
    return draws.choice(found) if found else None


def backup(training, draws):
    """In sync, and not the leader, of a shard that is drawn; it may lead another."""
    shards, alive = training.records().shards(), servers(training.run)
    found = [alive[node] for shard in shards.values() for node, _ in shard.members if node != shard.primary and node in alive]
    return draws.choice(found) if found else None


def launcher(training, _):
    return training.launcher().process.pid


def writer(training, draws):
    """The server that is just writing the records of the cluster, under their lock; another dies so that there is something to write."""
    first = primary(training, draws)
    if first is None:
        return None
    os.kill(first, signal.SIGKILL)
    folder, end = os.path.join(training.run, "servers", "coordinator"), time.monotonic() + WRITING_SECONDS
    while time.monotonic() < end:
        for name in os.listdir(folder):
            if (found := re.fullmatch(r"records\.(\d+)-\d+\.tmp", name)) and int(found[1]) != first:
                return int(found[1])
    return None


def launcher_later(training, draws):
    """The launcher, just after a server that died has come in again: only one copy has written the newest checkpoint."""
    first = primary(training, draws)
    if first is None:
        return None
    os.kill(first, signal.SIGKILL)
    until("the server has come in again", 30, lambda: first not in processes(training.run) and in_sync(training.records().read(), 2), 0.01)
    time.sleep(draws.uniform(0, 0.7))
    return launcher(training, draws)


def etcd(training, _):
    """The leader of the members that the servers of training.outer have for coordinator."""
    members = training.outer.etcd
    leader = members.leader()
    training.mend = lambda: members.restart(leader) if members.processes[leader].wait() else None
    return members.processes[leader].pid


KINDS = {"worker": worker, "primary": primary, "backup": backup, "records": writer, "launcher": launcher,
         "launcher-later": launcher_later, "etcd": etcd}
LAUNCHERS = ("launcher", "launcher-later")


def strike(training, kind, draws, moment, hold):
    """At `moment` seconds from its begin: SIGKILL; or, where `hold` is not 0, SIGSTOP for so many seconds."""
    process = training.launcher().process

    def wait(seconds):
        try:
            process.wait(max(0.0, seconds))
        except Exception:
            return
        raise TooLate()

    wait(training.begun + moment - time.monotonic())
    found = []

    def find():
        if process.poll() is not None:
            raise TooLate()
        try:
            pid = KINDS[kind](training, draws)
        except (ValueError, FileNotFoundError):  # records that are just replaced, or are not there yet
            pid = None
        found[:] = [pid] if pid else []
        return bool(found)

    try:
        until(f"there is a {kind}", 20, find, 0.01)
        os.kill(found[0], signal.SIGSTOP if hold else signal.SIGKILL)
    except ProcessLookupError:
        raise TooLate() from None
    except Trouble:
        if process.poll() is not None:
            raise TooLate() from None
        raise
    training.moment, training.victim = time.monotonic(), f"{kind} {found[0]}"
    if hold:
        time.sleep(hold)
        try:
            os.kill(found[0], signal.SIGCONT)
        except ProcessLookupError:
            pass  # the training has ended without it
    elif training.mend is not None:
        time.sleep(draws.uniform(0.5, 3))
        training.mend()
