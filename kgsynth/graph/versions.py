"""The versions of Neo4j Community that kgsynth manages, and how they differ for whoever starts them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kgsynth.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version: its number, the class that starts it, and the major versions of Java that run it.

    `has_shell` says whether its jars hold cypher-shell; that of the default version talks to the others too.
    """

    number: str
    main_class: str
    java: tuple[int, ...]
    has_shell: bool = True
    java_options: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def lock(self) -> str:
        """The lock file of its jars, in this package."""
        return f"jars-{self.number}.lock"


# A server stops when its transactions have ended, or were broken off, and its store is written; it need not then listen
# for 10 s whether anybody still wants something.
_QUIET_PERIOD = "internal.dbms.bolt.netty_server_shutdown_quiet_period"

DEFAULT = Version(
    number="5.26.31",
    main_class="org.neo4j.server.CommunityEntryPoint",
    java=(17, 21),
    settings={_QUIET_PERIOD: "0"},
)
VERSIONS = {
    one.number: one
    for one in (
        DEFAULT,
        # Maven has no cypher-shell of its own for it, and that of 5.26 does not go with its jars.
        Version(
            number="2026.09.0",
            main_class="org.neo4j.server.Neo4jCommunity",
            java=(25,),
            has_shell=False,
            java_options=("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
            # It would look for others of its kind in the network, and believe headers of proxies.
            settings={
                "server.fleet_discovery.enabled": "false",
                "dbms.fleet_manager.enabled": "false",
                "server.http.x_forward.enabled": "false",
                f"{_QUIET_PERIOD}_duration": "0s",
            },
        ),
    )
}


def version(number: str) -> Version:
    """The version of that number; the default for an empty one.

    Raises:
        ConfigError: kgsynth does not manage it.
    """
    if not number:
        return DEFAULT
    if number not in VERSIONS:
        raise ConfigError(
            f"Neo4j {number!r} is none that kgsynth manages", hint=f"KGSYNTH_NEO4J is one of {', '.join(VERSIONS)}."
        )
    return VERSIONS[number]
