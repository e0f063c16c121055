"""Connections in and out: TLS, who may connect, and limits that pynetdicom leaves to others."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from socketserver import TCPServer
from typing import Any

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import ThreadedAssociationServer

from calcscope.node.config import NodeConfig, Peer, Tls
from calcscope.node.logs import fault, log, said

CHUNK_BYTES = 1 << 16
PDU_SLACK = 64
"""A PDU is a little longer than the data values in it, whose length is what is negotiated."""


def server_context(tls: Tls) -> ssl.SSLContext:
    """For associations that are accepted: TLS 1.2 or newer (BCP 195), the peer's certificate required."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """For associations that are requested: the other's certificate checked against its host name."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(tls.ca))
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def from_address(peers: Sequence[Peer], address: str) -> list[Peer]:
    """The peers that may call from an IP address."""
    own = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(own, ipaddress.IPv6Address) and own.ipv4_mapped:
        own = own.ipv4_mapped
    return [peer for peer in peers if own in ipaddress.ip_network(peer.address)]


class Unlisted:
    """Addresses that may connect where no peer is listed: this machine's own."""

    @staticmethod
    def holds(address: str) -> bool:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback


class Server(ThreadedAssociationServer):
    """pynetdicom's server, but nobody unlisted connects, and nobody who stalls holds up the others."""

    node: NodeConfig
    daemon_threads = True

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection from this address is taken at all."""
        address = client_address[0]
        known = from_address(self.node.peer, address) if self.node.peer else Unlisted.holds(address)
        if not known:
            log.warning(said("connection refused", address=address, reason="address not listed"))
        return bool(known)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the TLS handshake comes later, in the connection's own thread."""
        assert self.socket is not None
        return self.socket.accept()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands where TLS is wanted, and begin."""
        request.settimeout(self.node.limits.stall_seconds)
        if self.ssl_context:
            request = self.ssl_context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that failed before it was an association."""
        error = sys.exc_info()[1]
        reason = type(error).__name__ if isinstance(error, OSError) else fault(error) if error else None
        log.warning(said("connection failed", address=client_address[0], reason=reason))

    def shutdown(self) -> None:
        """Accept no more."""
        TCPServer.shutdown(self)
        self.server_close()


def serve(
    config: NodeConfig, ae: AE, contexts: list[PresentationContext], handlers: list[Any]
) -> tuple[Server, threading.Thread]:
    """Listen, in a thread of its own.

    Raises
    ------
    OSError : where the address cannot be listened on, or a certificate not be read
    """
    context = server_context(config.tls) if config.tls else None
    made = ae.make_server(
        (config.host, config.port),
        contexts=contexts,
        ssl_context=context,
        evt_handlers=handlers,
        server_class=Server,
    )
    assert isinstance(made, Server)
    made.node = config
    thread = threading.Thread(target=made.serve_forever, args=(0.2,), name="listener", daemon=True)
    thread.start()
    return made, thread


def bound(
    association: Association, pdu_bytes: int, instance_bytes: int, seconds: float
) -> Callable[[], None]:
    """Have an association end where a PDU or a message is too long, or a PDU that began takes too long.

    pynetdicom waits for as many bytes as a PDU announces, up to 4 GiB. Returns what is to be called when a
    message has come to its end.
    """
    link = association.dul.socket
    assert link is not None
    assert link.socket is not None
    source, taken = link.socket, 0

    def receive(count: int) -> bytearray:
        nonlocal taken
        if count > pdu_bytes + PDU_SLACK:
            raise OSError(f"a PDU of {count} bytes; at most {pdu_bytes} were agreed on")
        taken += count
        if taken > instance_bytes:
            raise OSError(f"a message of more than {instance_bytes} bytes")
        content = bytearray()
        end = time.monotonic() + seconds
        while len(content) < count:
            part = source.recv(min(CHUNK_BYTES, count - len(content)))
            if not part:
                break
            content += part
            if len(content) < count and time.monotonic() > end:
                raise TimeoutError("the rest of a PDU did not come")
        return content

    def begin_anew() -> None:
        nonlocal taken
        taken = 0

    link.recv = receive  # type: ignore[method-assign, assignment]
    return begin_anew


def requesting(title: str, seconds: float) -> AE:
    """An AE that asks others, and waits so long for anything."""
    ae = AE(ae_title=title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = seconds
    return ae


def was_rejected(association: Association) -> bool:
    """Whether the other side refused an association, rather than could not be reached.

    A refusal may come before pynetdicom has looked whether the connection stands; it then says "aborted" and
    leaves the refusal unread.
    """
    return association.is_rejected or isinstance(association.dul.peek_next_pdu(), A_ASSOCIATE)


def tls_arguments(config: NodeConfig, host: str, wanted: bool) -> tuple[ssl.SSLContext, str] | None:
    """What pynetdicom takes as ``tls_args`` to reach a host."""
    return (client_context(config.tls), host) if wanted and config.tls else None


class Rate:
    """How fast each peer may send: one that is faster waits.

    Parameters
    ----------
    per_minute : instances; ten seconds' worth may come at once
    """

    def __init__(self, per_minute: float) -> None:
        self._seconds = 60 / per_minute
        self._slack = max(10.0, self._seconds)
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, peer: str) -> None:
        """Count an instance, and return when it may be answered."""
        with self._lock:
            at = time.monotonic()
            due = max(self._next.get(peer, 0.0), at - self._slack) + self._seconds
            self._next[peer] = due
        if due > at:
            time.sleep(due - at)
