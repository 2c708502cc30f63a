"""A real etcd of several members, for tests that kill them."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request


class Etcd:
    """Members on ports of their own; ended by process id."""

    def __init__(self, folder, members=3, host="127.0.0.1"):
        sockets = [socket.socket() for _ in range(2 * members)]
        for one in sockets:
            one.bind((host, 0))
        ports = [one.getsockname()[1] for one in sockets]
        for one in sockets:
            one.close()
        self.clients, self.peers, self.folder, self.host = ports[:members], ports[members:], folder, host
        self.processes = [self.start(i) for i in range(members)]
        self.leader()

    @staticmethod
    def installed():
        return shutil.which("etcd") is not None

    def start(self, i):
        url, peer = f"http://{self.host}:{self.clients[i]}", f"http://{self.host}:{self.peers[i]}"
        members = ",".join(f"m{j}=http://{self.host}:{port}" for j, port in enumerate(self.peers))
        with open(os.path.join(self.folder, f"m{i}.log"), "ab") as log:
            return subprocess.Popen(
                ["etcd", "--name", f"m{i}", "--data-dir", os.path.join(self.folder, f"m{i}"), "--listen-client-urls", url,
                 "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", members], stdout=log, stderr=log)

    def ask(self, i, path, body):
        request = urllib.request.Request(f"http://{self.host}:{self.clients[i]}{path}", json.dumps(body).encode())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=2) as answer:
            return json.load(answer)

    def leader(self):
        for _ in range(300):
            for i, process in enumerate(self.processes):
                try:
                    status = self.ask(i, "/v3/maintenance/status", {})
                    if status["leader"] == status["header"]["member_id"] and process.poll() is None:
                        return i
                except (OSError, KeyError):
                    pass
            time.sleep(0.1)
        raise AssertionError("etcd has no leader after 30 s")

    def range(self, begin, end, **options):
        """Records from key `begin` to before `end`, of whichever member answers; keys and values in base64."""
        body = {"key": base64.b64encode(begin.encode()).decode(), "range_end": base64.b64encode(end.encode()).decode(), **options}
        for _ in range(100):
            for i, process in enumerate(self.processes):
                if process.poll() is not None:
                    continue
                try:
                    return self.ask(i, "/v3/kv/range", body).get("kvs", [])
                except OSError:
                    pass
            time.sleep(0.1)
        raise AssertionError("etcd has not answered for 10 s")

    def keys(self, prefix):
        found = self.range(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1), keys_only=True)
        return sorted(base64.b64decode(one["key"]).decode() for one in found)

    def kill(self, i):
        self.processes[i].send_signal(signal.SIGKILL)
        self.processes[i].wait()

    def restart(self, i):
        """Of a member that was killed."""
        self.processes[i] = self.start(i)

    def end(self):
        for i in range(len(self.processes)):
            self.kill(i)

    def address(self):
        return "etcd://" + ",".join(f"{self.host}:{port}" for port in self.clients)
