"""Keys of servers and clients, for encrypted tcp."""

from ._library import call, encoded, library, path_bytes


def generate_key(path, role: str = "worker") -> None:
    """Writes a new key: `path` with the endings .key (public) and .key_secret (mode 0600).

    Never overwrites one, which is a ConflictError.
    The role is what its owner may do: "reader", "worker", "admin", or "server" for a server of the cluster.
    """
    call(library.ngd_key_generate, path_bytes(path), encoded(role))
