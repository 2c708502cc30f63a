"""A proxy that makes TCP worse, in a way that a seed repeats: delay, jitter, connections out of their order, resets, peers
that read nothing.

usage: chaos_proxy.py SEED HOST:PORT...   prints the ports that lead there; takes commands from standard input:

    delay LEAST MOST      milliseconds that each piece of data waits; pieces of a connection keep their order
    accept LEAST MOST     milliseconds that each new connection waits
    reset SHARE           of all pieces end their connection, both ways
    stall 0|1             1: nothing is read from the servers
    clear                 none of these
"""

import asyncio
import random
import socket
import struct
import sys
import threading

PIECE = 65536


class Weather:
    def __init__(self):
        self.clear()

    def clear(self):
        self.delay, self.accept, self.reset, self.stall = (0.0, 0.0), (0.0, 0.0), 0.0, False

    def command(self, line):
        word, *values = line.split()
        numbers = [float(value) for value in values]
        if word in ("delay", "accept"):
            setattr(self, word, (numbers[0] / 1000, numbers[1] / 1000))
        elif word == "reset":
            self.reset = numbers[0]
        elif word == "stall":
            self.stall = numbers[0] != 0
        elif word == "clear":
            self.clear()
        else:
            raise ValueError(f"no such command: {line}")


class Link:
    """One connection through the proxy. What happens to its pieces is a function of seed, target and its number."""

    def __init__(self, weather, draws):
        self.weather, self.draws, self.writers = weather, draws, []

    async def carry(self, reader, writer, from_server):
        """Pieces go out when their time has come, though others are being read meanwhile."""
        queue = asyncio.Queue(maxsize=64)

        async def write():
            clock = asyncio.get_running_loop().time
            while (item := await queue.get()) is not None:
                due, piece = item
                if due > clock():
                    await asyncio.sleep(due - clock())
                writer.write(piece)
                await writer.drain()
        writing = asyncio.create_task(write())
        last = 0.0
        try:
            while True:
                while from_server and self.weather.stall:
                    await asyncio.sleep(0.01)
                piece = await reader.read(PIECE)
                if not piece:
                    break
                if self.draws.random() < self.weather.reset:
                    self.break_off()
                    break
                last = max(last, asyncio.get_running_loop().time() + self.draws.uniform(*self.weather.delay))
                await queue.put((last, piece))
            await queue.put(None)
            await writing
        except OSError:
            pass
        finally:
            writing.cancel()
            self.close()

    def break_off(self):
        """A reset instead of an end in order."""
        for writer in self.writers:
            plug = writer.get_extra_info("socket")
            if plug is not None:
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def close(self):
        for writer in self.writers:
            writer.close()


async def serve(seed, targets):
    weather = Weather()

    def listener(index, host, port):
        numbers = iter(range(1 << 62))

        async def accepted(reader, writer):
            link = Link(weather, random.Random(f"{seed} {index} {next(numbers)}"))
            link.writers.append(writer)
            try:
                await asyncio.sleep(link.draws.uniform(*weather.accept))
                far_reader, far_writer = await asyncio.open_connection(host, port)
            except OSError:
                link.break_off()
                return
            link.writers.append(far_writer)
            await asyncio.gather(link.carry(reader, far_writer, False), link.carry(far_reader, writer, True))
        return accepted

    ports = []
    for index, target in enumerate(targets):
        host, port = target.rsplit(":", 1)
        server = await asyncio.start_server(listener(index, host, int(port)), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)

    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def listen():  # files have no waiting of asyncio's
        for line in sys.stdin:
            loop.call_soon_threadsafe(weather.command, line)
        loop.call_soon_threadsafe(ended.set)
    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(serve(sys.argv[1], sys.argv[2:]))
