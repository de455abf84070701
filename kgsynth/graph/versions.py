"""The versions of Neo4j Community that kgsynth manages, with the differences that matter for starting them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kgsynth.errors import ConfigError, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version: its number, the class that starts it, and the major versions of Java that run it.

    `has_shell` says whether its jars include cypher-shell; the default version's shell works with the others, too.
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


# By default a server waits another 10 s for requests when it stops; without this wait it stops as soon as its
# transactions have ended or were terminated and its store is written.
_QUIET_PERIOD = "internal.dbms.bolt.netty_server_shutdown_quiet_period"

DEFAULT = Version(
    number="5.26.31",
    main_class="org.neo4j.server.CommunityEntryPoint",
    java=(17, 21),
    settings={_QUIET_PERIOD: "0"},
)
VERSIONS = {
    candidate.number: candidate
    for candidate in (
        DEFAULT,
        # Maven has no cypher-shell for this version, and that of 5.26 does not run with its jars.
        Version(
            number="2026.09.0",
            main_class="org.neo4j.server.Neo4jCommunity",
            java=(25,),
            has_shell=False,
            java_options=("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
            # By default this version searches the network for other servers and trusts the headers of proxies.
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
    """The version with that number; the default version for an empty string.

    Raises:
        ConfigError: kgsynth does not manage this version.
    """
    if not number:
        return DEFAULT
    if number not in VERSIONS:
        raise ConfigError(
            f"kgsynth does not manage Neo4j {quoted(number)}",
            hint=f"Set KGSYNTH_NEO4J to one of {', '.join(VERSIONS)}.",
        )
    return VERSIONS[number]
