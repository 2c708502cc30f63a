"""Real servers, `ngd server`, with a coordinator: started, killed, stopped, started again."""

import os
import select
import signal
import socket
import subprocess
import sys
import time

from records import Records, in_sync, shards_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "coordinator"))
from etcd_members import Etcd  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 30


class Trouble(Exception):
    """The test could not go on: something that must come did not."""


def until(what, seconds, condition, pause=0.02):
    """Waits for the truth of a condition; returns how long that took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise Trouble(f"not within {seconds} s: {what}")
        time.sleep(pause)
    return time.monotonic() - begin


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def data_directory(folder, node):
    return os.path.join(folder, f"data{node}")


class Cluster:
    """`servers` servers. network: each on a host of its own (network.py); proxy: a seed, and whoever speaks to a server does so
    through chaos_proxy.py; data: each has a directory for checkpoints; options: of `server:`."""

    def __init__(self, program, folder, servers, replicas, coordinator="local", network=None, proxy=None, data=False, options="",
                 ack=None):
        self.program, self.folder, self.replicas, self.network = program, folder, replicas, network
        self.data, self.options, self.ack = data, options, ack
        self.nodes = list(range(1, servers + 1))
        self.processes, self.proxy, self.etcd = {}, None, None
        try:
            if coordinator == "etcd":
                self.etcd = Etcd(self._directory("etcd"), host="127.0.0.1" if network is None else network.ETCD)
                self.coordinator = self.etcd.address()
            else:
                self.coordinator = "local:" + os.path.join(folder, "coordinator")
            self.records = Records(os.path.join(folder, "coordinator"), self.etcd)
            self.listen = self._addresses(proxy is not None)
            self.advertise = dict(self.listen)
            if proxy is not None:
                self._start_proxy(proxy)
            self.start_all(self.nodes)
        except BaseException:
            self.end()
            raise

    def _directory(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def _addresses(self, tcp):
        if self.network is not None:
            return {node: f"tcp://{self.network.host(node)}:7070" for node in self.nodes}
        if tcp:
            return {node: f"tcp://127.0.0.1:{port}" for node, port in zip(self.nodes, free_ports(len(self.nodes)))}
        os.makedirs(os.path.join(self.folder, "sockets"), mode=0o700)
        return {node: f"ipc://{self.folder}/sockets/{node}" for node in self.nodes}

    def _start_proxy(self, seed):
        self.proxy = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "chaos_proxy.py"), str(seed),
             *(self.listen[node].removeprefix("tcp://") for node in self.nodes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = self.proxy.stdout.readline().split()
        self.advertise = {node: f"tcp://127.0.0.1:{port}" for node, port in zip(self.nodes, ports)}

    def weather(self, command):
        """A command for the proxy."""
        self.proxy.stdin.write(command + "\n")
        self.proxy.stdin.flush()

    def start_all(self, nodes):
        """Together; each has joined the cluster at the end."""
        for node in nodes:
            self.start(node, wait=False)
        for node in nodes:
            self._listening(node)

    def start(self, node, wait=True):
        command = [*(self.network.inside(node) if self.network else []), self.program, "server", "-o", "plain",
                   "--listen", self.listen[node], "--advertise", self.advertise[node], "--node", str(node),
                   "--coordinator", self.coordinator, "--replicas", str(self.replicas)]
        if self.network:
            command.append("--trusted-network")
        if self.data:
            command += ["--data-dir", data_directory(self.folder, node)]
        if self.ack:
            command += ["--ack", self.ack]
        if self.options:
            command += ["--server", "server:" + self.options]
        with open(os.path.join(self.folder, f"server{node}.log"), "ab") as log:
            self.processes[node] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        if wait:
            self._listening(node)

    def _listening(self, node):
        output = self.processes[node].stdout
        if not select.select([output], [], [], START_SECONDS)[0]:
            raise Trouble(f"server {node} has not begun to listen within {START_SECONDS} s")
        line = output.readline().decode()
        if not line.startswith("listening\t"):
            with open(os.path.join(self.folder, f"server{node}.log"), encoding="utf-8") as log:
                raise Trouble(f"server {node} does not start: {log.read()[-500:]}")

    def addresses(self):
        return list(self.advertise.values())

    # --- faults ---------------------------------------------------------------------------------------------------------

    def kill(self, node):
        self.processes[node].send_signal(signal.SIGKILL)
        self.processes[node].wait()
        self.processes[node].stdout.close()

    def stop(self, node):
        """When this returns, no thread of it runs any more."""
        process = self.processes[node]
        process.send_signal(signal.SIGSTOP)
        until("the server stands still", 10, lambda: set(self._states(process.pid)) == {"T"}, 0.0005)

    @staticmethod
    def _states(pid):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as file:
                yield file.read().rpartition(") ")[2][0]

    def go_on(self, node):
        self.processes[node].send_signal(signal.SIGCONT)

    def died(self):
        """Servers that ended though nobody killed them."""
        return [node for node, process in self.processes.items() if process.poll() is not None and process.returncode != -9]

    def resident(self, node):
        """Bytes of memory of a server."""
        with open(f"/proc/{self.processes[node].pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # --- who leads --------------------------------------------------------------------------------------------------------

    def shards(self):
        return self.records.shards()

    def primary(self):
        """Of the first shard, where the order of updates is kept."""
        return self.shards()[min(self.shards())].primary

    def backups(self):
        shards = self.shards()
        first = shards[min(shards)]
        return [node for node, _ in first.members if node != first.primary]

    def wait_in_sync(self, seconds=30):
        """Until every shard has all its replicas."""
        wanted = min(self.replicas, len(self.nodes))
        try:
            return until("all replicas in sync", seconds, lambda: in_sync(self.records.read(), wanted), 0.05)
        except Trouble as trouble:
            raise Trouble(f"{trouble}; {shards_of(self.records.read())}") from None

    def end(self):
        for node, process in self.processes.items():
            if process.poll() is None:
                self.kill(node)
        if self.etcd is not None:
            self.etcd.end()
        if self.proxy is not None:
            self.proxy.stdin.close()
            self.proxy.kill()
            self.proxy.wait()
            self.proxy.stdout.close()
