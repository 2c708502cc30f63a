"""Faults of processes: servers that are killed or stand still, clients that stand still."""

import signal
import time

from cluster import Trouble, until
from registry import fault
from trial import Trial

GRACE = 0.8  # seconds without a sign of the primary before a member takes over


@fault()
def kill_primary(settings):
    """The primary is killed (SIGKILL), and started again."""
    with Trial(settings) as trial:
        trial.start()
        victim = trial.cluster.primary()
        trial.cluster.kill(victim)
        trial.mark()
        trial.run(0.4)
        trial.cluster.start(victim)
        trial.note(f"in sync again {trial.cluster.wait_in_sync():.1f} s after the restart")
        trial.run(0.2)
    return trial.result


@fault()
def kill_backup(settings):
    """A backup is killed (SIGKILL), and started again."""
    with Trial(settings) as trial:
        trial.start()
        victim = trial.cluster.backups()[-1]
        trial.cluster.kill(victim)
        trial.mark()
        trial.run(0.4)
        trial.cluster.start(victim)
        trial.note(f"in sync again {trial.cluster.wait_in_sync():.1f} s after the restart")
        trial.run(0.2)
    return trial.result


@fault()
def kill_both(settings):
    """All servers are killed within a moment, and come back from their checkpoints: a new lineage."""
    with Trial(settings, data=True, options="checkpoint_every=1", may_lose=True) as trial:
        trial.start()
        lineage = [journal.lineages[0].number for journal in trial.journals()]
        trial.run(0.2)
        for node in trial.cluster.nodes:
            trial.cluster.kill(node)
        trial.mark()
        trial.cluster.start_all(trial.cluster.nodes)
        trial.cluster.wait_in_sync(60)
        trial.run(0.4)
        trial.end_workers()
        for journal, before in zip(trial.journals(), lineage):
            if journal.lineages[-1].number <= before:
                trial.find(f"worker {journal.worker} never heard of a new lineage")
    trial.note(f"{trial.result.gone} acknowledged updates went back to the checkpoint")
    return trial.result


@fault()
def kill_both_idle(settings):
    """The same while clients have nothing under way, one of which came after the last checkpoint: they must be told all the same."""
    idle, lease = 2.0, ",lease=1.5"  # so that each opens its session again before it pushes
    with Trial(settings, data=True, options="checkpoint_every=1", may_lose=True) as trial:
        for number in range(settings.workers):
            trial.start_worker(number, mode="now_and_then", idle=idle, options=lease)
        trial.ready()
        time.sleep(1.5)
        late = settings.workers
        trial.start_worker(late, mode="now_and_then", idle=idle, options=lease)
        until("the late client has pushed", 20, lambda: trial.journals()[late].pushes)
        for node in trial.cluster.nodes:
            trial.cluster.kill(node)
        trial.mark()
        trial.cluster.start_all(trial.cluster.nodes)
        trial.cluster.wait_in_sync(60)
        until("everybody goes on", 5 * idle, lambda: all(journal.first_after(trial.moment) for journal in trial.journals()))
    return trial.result


@fault()
def kill_all_with_log(settings):
    """ack=disk, no replicas: all servers are killed and come back from their logs; nothing is lost."""
    alone = Trial.alone(settings)
    with Trial(alone, servers=2, data=True, ack="disk") as trial:
        trial.start()
        for node in trial.cluster.nodes:
            trial.cluster.kill(node)
        trial.mark()
        trial.cluster.start_all(trial.cluster.nodes)
        trial.run(0.5)
    return trial.result


@fault()
def kill_all_replicas_with_log(settings):
    """ack=disk with replicas: all servers are killed and come back one after another; nothing is lost."""
    with Trial(settings, data=True, ack="disk") as trial:
        trial.start()
        for node in trial.cluster.nodes:
            trial.cluster.kill(node)
        trial.mark()
        for node in trial.cluster.nodes:
            trial.cluster.start_all([node])
            time.sleep(0.3)
        trial.run(0.5)
        trial.note(f"in sync again {trial.cluster.wait_in_sync():.1f} s later")
    return trial.result


@fault()
def stop_primary(settings):
    """The primary stands still (SIGSTOP) for twice the grace, another takes over, then it wakes up."""
    with Trial(settings) as trial:
        trial.start()
        victim = trial.cluster.primary()
        trial.cluster.stop(victim)
        trial.mark()
        time.sleep(2 * GRACE)
        trial.cluster.go_on(victim)
        trial.run(0.4)
        trial.note(f"in sync again {trial.cluster.wait_in_sync():.1f} s later")
        if trial.cluster.primary() == victim:
            trial.find(f"server {victim} still leads after standing still for {2 * GRACE} s")
        trial.run(0.2)
    return trial.result


@fault()
def stop_lock_holder(settings):
    """A client that holds a lock stands still (SIGSTOP): another gets it, and what the first then does is refused."""
    with Trial(settings) as trial:
        trial.start_worker(0, mode="lock", pushes=1 << 40, options=",lease=1", pause=0)
        for number in range(2, 1 + settings.workers):
            trial.start_worker(number)
        trial.ready()
        until("the lock is taken", 20, lambda: any("locked" in line for line in trial.journals()[0].said))
        trial.start_worker(1, mode="lock", pushes=20, options=",lease=1")
        trial.run(0.2)
        trial.workers[0].send_signal(signal.SIGSTOP)
        trial.mark()
        waited = until("another gets the lock", 30, lambda: any("locked" in line for line in of(trial, 1).said))
        trial.note(f"another client has the lock {waited:.1f} s after its holder stands still")
        trial.run(0.2)
        trial.workers[0].send_signal(signal.SIGCONT)
        trial.run(0.3)
        trial.end_workers()
        check_tokens(trial)
    return trial.result


def of(trial, worker):
    return next(journal for journal in trial.journals() if journal.worker == worker)


def check_tokens(trial):
    """Spells of the lock do not overlap: a holder's updates lie, by version, within its own."""
    first, second = of(trial, 0), of(trial, 1)
    stopped = [push for push in first.pushes if push.begin < trial.moment]
    if not stopped:
        raise Trouble("the holder of the lock had not pushed")
    taken = min(push.version for push in second.acknowledged())
    late = [push for push in first.acknowledged() if push.version > taken and push.begin < trial.moment]
    if late:
        trial.find(f"fencing: update {late[0].j} of the client that had lost its lock became version {late[0].version}, after {taken}")
    refused = [push for push in first.pushes if push.code] + [line for line in first.said if "FENCED" in line or "EXPIRED" in line]
    if not refused:
        trial.find("fencing: the client that stood still while it held a lock was never told that it lost it")
