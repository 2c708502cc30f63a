"""The faults by name, and what each needs of the machine."""

import network
from cluster import Etcd

FAULTS = {}
_why_no_network = None


class Fault:
    def __init__(self, function, needs_network, needs_etcd, needs_root):
        self.run, self.name, self.says = function, function.__name__, function.__doc__.splitlines()[0]
        self.needs_network, self.needs_etcd, self.needs_root = needs_network, needs_etcd, needs_root

    def why_not(self, coordinator="local"):
        """Why it cannot be run here; an empty text when it can."""
        global _why_no_network
        if (self.needs_etcd or coordinator == "etcd") and not Etcd.installed():
            return "there is no program etcd (Debian: etcd-server)"
        if self.needs_root and network.os.geteuid() != 0:
            return "a file system of its own needs root"
        if self.needs_network:
            if _why_no_network is None:
                _why_no_network = network.why_not()
            return _why_no_network
        return ""


def fault(network=False, etcd=False, root=False):
    """Enters a function of Settings that returns a Result; the first line of its text says what happens."""
    def enter(function):
        FAULTS[function.__name__] = Fault(function, network, etcd, root)
        return function
    return enter
