"""Gives each sandbox an address of its own from the sandbox range; the address is the session's identity."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from ipaddress import IPv4Address

from domicile_host.dispatcher.errors import AddressesExhausted
from domicile_host.settings import Network


class Addresses:
    """Hands out addresses in turn, beginning anywhere, so that one is reused as late as the range allows."""

    def __init__(self, network: Network) -> None:
        self._range = network.sandbox_range
        self._proxy = network.proxy_address
        self._used: set[IPv4Address] = set()
        self._next = secrets.randbelow(self._range.num_addresses)

    def hold(self, addresses: Iterable[IPv4Address]) -> None:
        """Marks addresses that live sandboxes have from before."""
        self._used.update(addresses)

    def take(self) -> IPv4Address:
        """Raises `AddressesExhausted` when none is free."""
        for _ in range(self._range.num_addresses):
            address = self._range[self._next]
            self._next = (self._next + 1) % self._range.num_addresses
            if self._usable(address) and address not in self._used:
                self._used.add(address)
                return address
        raise AddressesExhausted(f"all addresses of {self._range} are in use: make `network.sandbox_range` larger")

    def give_back(self, address: IPv4Address) -> None:
        self._used.discard(address)

    def _usable(self, address: IPv4Address) -> bool:
        return address not in (self._proxy, self._range.network_address, self._range.broadcast_address)
