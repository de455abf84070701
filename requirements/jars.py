"""Write the lock file of a Neo4j version: python requirements/jars.py VERSION [VERSION_OF_CYPHER_SHELL].

Needs Maven. The lock has every jar that Maven resolves for server, Browser and cypher-shell, with SHA-256 and size.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSER = "5.24.0"
LOCKS = Path(__file__).parents[1] / "kgsynth" / "graph"


def main(version: str, shell: str = "") -> None:
    """Resolve, and write the lock."""
    wanted = [
        ("org.neo4j", "neo4j", version),
        ("org.neo4j.app", "neo4j-server", version),
        ("org.neo4j.client", "neo4j-browser", BROWSER),
        *([("org.neo4j", "cypher-shell", shell)] if shell else []),
    ]
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{number}</version></dependency>"
        for group, artifact, number in wanted
    )
    with tempfile.TemporaryDirectory() as desk:
        pom, found = Path(desk) / "pom.xml", Path(desk) / "found.txt"
        pom.write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>"
            f"<dependencies>{dependencies}</dependencies></project>"
        )
        options = ["-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true", f"-DoutputFile={found}"]
        subprocess.run(["mvn", "-q", "-f", str(pom), "dependency:list", *options], check=True, stdout=sys.stderr)
        lines = re.findall(
            r"^ +(\S+?):(\S+?):jar:(\S+):(?:compile|runtime):(/\S+\.jar)", found.read_text(), re.MULTILINE
        )
    rows = []
    for group, artifact, rest, path in lines:
        *classifier, number = rest.split(":")
        data = Path(path).read_bytes()
        coordinates = ":".join((group, artifact, number, *classifier))
        rows.append(f"{coordinates} {hashlib.sha256(data).hexdigest()} {len(data)}")
    head = [
        f"# The jars of Neo4j Community {version} with Browser {BROWSER}"
        + (f" and cypher-shell {shell}:" if shell else ":"),
        "# group:artifact:version[:classifier] sha256 bytes. Made by requirements/jars.py.",
    ]
    text = "\n".join([*head, *sorted(rows)]) + "\n"
    LOCKS.joinpath(f"jars-{version}.lock").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
