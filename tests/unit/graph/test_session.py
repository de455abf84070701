"""Tests of `kgsynth.graph.session` that need no server."""

import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from kgsynth.errors import GraphError, GraphUnavailableError
from kgsynth.graph.session import Graph


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:7474",
        "https://localhost",
        "localhost:7687",
        "bolt://localhost:99999",
        "bolt://h:0",
        "",
        "bolt://[",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(uri: str) -> None:
    with pytest.raises(GraphError, match="is not the address of a Neo4j server") as raised:
        Graph(uri, username="neo4j", password="x")
    assert "bolt://host:7687" in raised.value.hint


def test_the_reason_why_a_certificate_is_refused_is_said_whole(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        with (
            Graph(f"bolt+s://127.0.0.1:{port}", username="neo4j", password="x") as graph,
            pytest.raises(GraphUnavailableError, match="is refused: self-signed certificate") as raised,
        ):
            graph.verify()
        server.shutdown(socket.SHUT_RDWR)
    assert "SSL_CERT_FILE" in raised.value.hint
