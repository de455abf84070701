"""Tests of `kgsynth.graph.session` that need no server."""

import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from neo4j.exceptions import Neo4jError, ServiceUnavailable

from kgsynth.errors import GraphError, GraphUnavailableError
from kgsynth.graph import session
from kgsynth.graph.session import Graph, translate


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


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
def test_the_reason_why_a_certificate_is_refused_is_said_whole(tmp_path: Path, scheme: str) -> None:
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
            Graph(f"{scheme}://127.0.0.1:{port}", username="neo4j", password="x") as graph,
            pytest.raises(GraphUnavailableError, match="is refused: self-signed certificate") as raised,
        ):
            graph.verify()
        server.shutdown(socket.SHUT_RDWR)
    assert "SSL_CERT_FILE" in raised.value.hint


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+ssc"])
def test_a_server_without_tls_is_named_as_one(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        with (
            Graph(f"{scheme}://127.0.0.1:{server.getsockname()[1]}", username="neo4j", password="x") as graph,
            pytest.raises(GraphUnavailableError, match="no TLS connection to Neo4j") as raised,
        ):
            graph.verify()
        server.shutdown(socket.SHUT_RDWR)
    assert "bolt://" in raised.value.hint


def test_a_connection_that_breaks_off_as_tls_begins_is_named_as_one_without_tls() -> None:
    driver_message = (
        "Couldn't connect to 127.0.0.1:7687: [ConnectionResetError] Connection Failed. "
        "Failed to establish encrypted connection. (code 104: Connection reset by peer)"
    )
    made = translate(ServiceUnavailable(driver_message))
    assert str(made).startswith("no TLS connection to Neo4j: Failed to establish encrypted connection. (code 104")


def test_an_address_with_routing_says_why_its_server_does_not_answer() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with (
            Graph(f"neo4j://127.0.0.1:{port}?region=x", username="neo4j", password="x") as graph,
            pytest.raises(GraphUnavailableError, match="Connection refused"),
        ):
            graph.verify()


@pytest.mark.parametrize(
    "code",
    [
        "Neo.DatabaseError.Transaction.TransactionCommitFailed",
        "Neo.DatabaseError.Transaction.TransactionStartFailed",
        "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
    ],
)
def test_a_failure_of_the_server_names_its_full_disk(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = Neo4jError._hydrate_neo4j(code=code, message="not applied to the store")
    home = tmp_path / "mine"
    home.mkdir()
    monkeypatch.setattr(session, "_FULL_DISK_BYTES", 2**80)
    full = translate(error, home)
    assert str(full) == "Neo4j refused the statement: not applied to the store"
    assert full.hint.startswith(f"The disk of {home} is full: ")
    assert "kgsynth --graph mine db stop" in full.hint
    monkeypatch.setattr(session, "_FULL_DISK_BYTES", 0)
    assert "debug.log says why" in translate(error, home).hint
    assert "is its disk full?" in translate(error).hint


def test_a_refused_statement_has_no_hint_about_the_disk(tmp_path: Path) -> None:
    error = Neo4jError._hydrate_neo4j(code="Neo.ClientError.Schema.ConstraintValidationFailed", message="no")
    assert not translate(error, tmp_path).hint
