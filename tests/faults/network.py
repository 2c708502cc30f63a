"""A network of namespaces: each server in one of its own, joined by a bridge in another, where clients and etcd live.

Needs root. The caller's thread stands in the bridge's namespace until close().
"""

import ctypes
import itertools
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
PREFIX = "10.77.0."
_numbers = itertools.count()


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def why_not():
    """Why there can be no namespaces here; an empty text where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "tc", "iptables", "nsenter"):
        if shutil.which(program) is None:
            return f"there is no program {program} (Debian: iproute2, iptables, util-linux)"
    try:
        network = Network(1)
    except OSError as error:
        return f"network namespaces do not work here: {error}"
    try:
        network.lose(1, 0.5)
        return ""
    except OSError as error:
        return f"iptables does not work here: {error}"
    finally:
        network.close()


def enter(descriptor):
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


NAMES = "/run/netns"


class Network:
    CLIENTS, ETCD = PREFIX + "1", PREFIX + "2"

    def __init__(self, servers):
        self.name = f"ngd{os.getpid()}n{next(_numbers)}"
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.nodes = list(range(1, servers + 1))
        self.mounted = os.path.ismount(NAMES)
        try:
            run("ip", "netns", "add", self.name)
            there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            enter(there)
            os.close(there)
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "add", "bridge", "type", "bridge")
            run("ip", "addr", "add", self.CLIENTS + "/24", "dev", "bridge")
            run("ip", "addr", "add", self.ETCD + "/24", "dev", "bridge")
            run("ip", "link", "set", "bridge", "up")
            for node in self.nodes:
                self._add(node)
        except OSError:
            self.close()
            raise

    def _add(self, node):
        name = self._of(node)
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"to{node}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", f"to{node}", "master", "bridge", "up")
        run("ip", "-n", name, "addr", "add", self.host(node) + "/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        run("ip", "-n", name, "link", "set", "lo", "up")

    def _of(self, node):
        return f"{self.name}s{node}"

    def host(self, node):
        return f"{PREFIX}{10 + node}"

    def inside(self, node):
        """Words before a command that is to run on the host of a server; its process is the command itself."""
        return ["nsenter", f"--net=/run/netns/{self._of(node)}"]

    def _filter(self, node, *rule):
        run(*self.inside(node), "iptables", "-w", *rule)

    def cut(self, node, others, to=True, back=True):
        """Nothing goes from `node` to these hosts (`to`), and nothing comes from them (`back`)."""
        for other in others:
            if to:
                self._filter(node, "-A", "OUTPUT", "-d", other, "-j", "DROP")
            if back:
                self._filter(node, "-A", "INPUT", "-s", other, "-j", "DROP")

    def lose(self, node, share):
        """This share of all packets that come to a server, and of all that leave it, is lost."""
        for chain in ("INPUT", "OUTPUT"):
            self._filter(node, "-A", chain, "-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")

    def slow(self, node, megabits):
        """Bandwidth of a server, each way."""
        shape = ("root", "tbf", "rate", f"{megabits}mbit", "burst", "32kb", "latency", "400ms")
        run("tc", "qdisc", "replace", "dev", f"to{node}", *shape)
        run(*self.inside(node), "tc", "qdisc", "replace", "dev", "eth0", *shape)

    def heal(self):
        for node in self.nodes:
            self._filter(node, "-F")
            # That there is none is no failure.
            subprocess.run(["tc", "qdisc", "del", "dev", f"to{node}", "root"], capture_output=True)
            subprocess.run([*self.inside(node), "tc", "qdisc", "del", "dev", "eth0", "root"], capture_output=True)

    def close(self):
        enter(self.home)
        os.close(self.home)
        for name in [self.name, *(self._of(node) for node in self.nodes)]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        # ip mounts the folder of their names, and leaves it so.
        if not self.mounted and os.path.isdir(NAMES) and not os.listdir(NAMES):
            subprocess.run(["umount", NAMES], capture_output=True)
