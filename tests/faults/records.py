"""What the coordinator says of shards and servers: read from the file of local:/path, or from etcd."""

import base64
import os
import struct


class Shard:
    """The record of a shard: epoch, primary, and members in sync as (node, life of its memory)."""

    def __init__(self, text):
        epoch, memory, *members = text.split()
        self.epoch, self.memory = int(epoch), int(memory)
        self.members = [tuple(int(part) for part in member.split(".")) for member in members]
        self.primary = self.members[0][0]

    def __repr__(self):
        return f"epoch {self.epoch}, members {self.members}"


def parse_file(data):
    """{key: (revision, value)} of the file `records` of a coordinator local:/path."""
    if data[:8] != b"NGDRECS1":
        raise ValueError("this is no file of records")
    (_, count), at, found = struct.unpack_from("<QQ", data, 8), 24, {}

    def text():
        nonlocal at
        (size,) = struct.unpack_from("<I", data, at)
        at += 4 + size
        return data[at - size:at]
    for _ in range(count):
        (revision,) = struct.unpack_from("<Q", data, at)
        at += 8
        key = text().decode()
        found[key] = (revision, text())
    return found


class Records:
    """All records, as they are at the time of the call."""

    def __init__(self, directory=None, etcd=None):
        self.directory, self.etcd = directory, etcd

    def read(self):
        if self.etcd is not None:
            prefix = "/ngd/ngd"
            answer = self.etcd.range(prefix + "/", prefix + "0")
            return {base64.b64decode(one["key"]).decode()[len(prefix):]:
                    (int(one["mod_revision"]), base64.b64decode(one.get("value", ""))) for one in answer}
        path = os.path.join(self.directory, "records")
        if not os.path.exists(path):
            return {}
        with open(path, "rb") as file:
            return parse_file(file.read())

    def shards(self):
        """{number: Shard} of all models."""
        return shards_of(self.read())


def shards_of(records):
    return {int(key.split("/")[2]): Shard(value.decode()) for key, (_, value) in records.items() if key.startswith("/shard/")}


def in_sync(records, replicas):
    """Whether each shard has so many members, of servers' lives that still last as far as the records know."""
    shards = shards_of(records)
    return bool(shards) and all(
        len(shard.members) >= replicas and all(life >> 16 >= records.get(f"/node/{node}", (0,))[0] for node, life in shard.members)
        for shard in shards.values())
