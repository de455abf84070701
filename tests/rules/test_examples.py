"""The examples that no test can run (containers, Slurm, Kubernetes) use commands, names and images that exist."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kgsynth.cli import cli

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
SBATCH = HOW_TO / "slurm" / "kgsynth.sbatch"
KUBERNETES = sorted((HOW_TO / "kubernetes").glob("*.yaml"))
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
# The image is the name before the command, unless an option takes it.
NOT_A_COMMAND = {"-t", "--tag"}


def parse(arguments: list[str]) -> None:
    """Raise an error if the command line does not fit the declared commands; no file has to exist.

    Raises:
        click.UsageError: an option is unknown, or a value is missing or has the wrong type.
    """
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        _, arguments, _ = command.make_parser(context).parse_args(arguments)
        if not arguments:
            return
        found = command.get_command(context, arguments[0])
        if found is None:
            raise click.UsageError(f"no command {arguments[0]!r}")
        command, arguments = found, arguments[1:]
        context = click.Context(command, parent=context)
    values, rest, _ = command.make_parser(context).parse_args(arguments)
    if rest:
        raise click.UsageError(f"arguments too many: {rest}")
    for parameter in command.params:
        value = values.get(str(parameter.name))
        is_given = isinstance(value, (str, list, tuple)) and bool(value)
        if parameter.required and not is_given:
            raise click.UsageError(f"{parameter.name} is missing")
        if is_given and not isinstance(parameter.type, click.Path):
            parameter.type_cast_value(context, value)


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each kgsynth in lines of a shell, in containers too."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word.strip(";|&"):
                words.append(word)
                continue
            if "kgsynth" in words and words[words.index("kgsynth") - 1] not in NOT_A_COMMAND:
                yield words[words.index("kgsynth") + 1 :]
            words = []


def of_the_pages() -> list[tuple[str, list[str]]]:
    return [
        (page.name, arguments)
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), flags=re.DOTALL)
        for arguments in commands(block)
    ]


def of_the_sbatch_file() -> list[list[str]]:
    text = SBATCH.read_text()
    (asked,) = re.findall(r'^  kgsynth "\$@" (.*) &$', text, flags=re.MULTILINE)
    asked = asked.replace('"${urls[@]}"', "--url http://node1:8000 --url http://node2:8001")
    called = re.findall(r"^ask (.*)$", text, flags=re.MULTILINE)
    starts = [found for line in text.splitlines() if "kgsynth db" in line for found in commands(line)]
    return [*starts, *(shlex.split(f"{line} {asked}") for line in called)]


def documents(kind: str = "") -> list[dict[str, Any]]:
    found = [one for path in KUBERNETES for one in yaml.safe_load_all(path.read_text())]
    return [one for one in found if kind in ("", one["kind"])]


def pods() -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for one in documents() if "template" in one["spec"]]


def containers() -> list[dict[str, Any]]:
    return [container for pod in pods() for container in pod["containers"]]


def test_the_commands_of_pages_and_examples_fit_the_command_line() -> None:
    (job,) = (container for container in containers() if container["name"] == "kgsynth")
    found = [*of_the_pages(), *(("sbatch", one) for one in of_the_sbatch_file()), ("Kubernetes", job["args"])]
    assert [arguments[0] for where, arguments in found if where == "sbatch"] == ["db", "db", "generate", "answer"]
    assert len([where for where, _ in found if where == "containers.md"]) == 4
    for where, arguments in found:
        try:
            parse(list(arguments))
        except click.UsageError as error:
            pytest.fail(f"{where}: kgsynth {shlex.join(arguments)}: {error.format_message()}")


def of_the_helps(context: click.Context) -> Iterator[tuple[str, list[str]]]:
    command = context.command
    for line in re.sub(r"\\\n\s*", " ", command.help or "").splitlines():
        # Behind some examples stand a remark or a redirection.
        if line.strip().startswith("kgsynth "):
            yield from ((context.command_path, one) for one in commands(re.split(r" {4,}| > ", line.strip())[0]))
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        inner = command.get_command(context, name)
        assert inner is not None
        yield from of_the_helps(click.Context(inner, parent=context, info_name=name))


def test_the_examples_of_helps_and_pages_name_the_domain_where_a_model_is_asked() -> None:
    found = list(of_the_helps(click.Context(cli, info_name="kgsynth")))
    assert found
    for where, arguments in found:
        try:
            parse(list(arguments))
        except click.UsageError as error:
            pytest.fail(f"{where}: kgsynth {shlex.join(arguments)}: {error.format_message()}")
    for page in sorted((ROOT / "docs").rglob("*.md")):
        found += [(page.name, text.split()) for text in re.findall(r"`kgsynth ([^`]+)`", page.read_text())]
    found += of_the_pages()
    for where, arguments in found:
        # The judge of names needs none.
        assert "--url" not in arguments or {"--domain", "--judge"} & set(arguments), (where, arguments)


@pytest.mark.parametrize(
    "line", ["generate a --bakend server", "generate a --seed x", "merge-all", "answer", "db begin", "generate a b"]
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line.split())


def test_the_sbatch_file_is_bash() -> None:
    subprocess.run(["bash", "-n", SBATCH], check=True)
    directives = re.findall(r"^#SBATCH --([\w-]+)", SBATCH.read_text(), flags=re.MULTILINE)
    assert {"requeue", "signal", "open-mode"} <= set(directives)


def test_the_kubernetes_files_fit_together() -> None:
    services = {one["metadata"]["name"]: one["spec"] for one in documents("Service")}
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in documents() if "serviceName" in one["spec"]]
    labels += [one["spec"]["template"]["metadata"]["labels"] for one in documents("Deployment")]
    assert sorted(services) == sorted(label["app"] for label in labels)
    text = "\n".join(path.read_text() for path in KUBERNETES)
    for name, port in re.findall(r"(?:http|bolt)://([\w-]+):(\d+)", text):
        assert int(port) in [one["port"] for one in services[name]["ports"]], name
    page = (HOW_TO / "many-machines.md").read_text()
    for secret, key in re.findall(r"secretKeyRef: \{name: ([\w-]+), key: (\w+)\}", text):
        assert f"secret generic {secret} --from-literal={key}=" in page
    for pod in pods():
        volumes = {volume["name"] for volume in pod["volumes"]}
        claims = {
            volume["persistentVolumeClaim"]["claimName"]
            for volume in pod["volumes"]
            if "persistentVolumeClaim" in volume
        }
        assert all(f"`{claim}`" in page for claim in claims)
        for container in pod["containers"]:
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted - {"data"} == volumes
            for mount in container["volumeMounts"]:
                assert mount.get("subPath", "neo4j_auth") == "neo4j_auth"
    assert 'secret generic neo4j --from-literal=neo4j_auth="neo4j/' in page


def test_compose_and_kubernetes_name_the_same_images_and_settings_of_neo4j() -> None:
    services = COMPOSE["services"]
    by_name = {container["name"]: container for container in containers()}
    for name in ("neo4j", "vllm"):
        assert services[name]["image"].partition(":-")[2].rstrip("}") == by_name[name]["image"]
    settings = {one["name"] for one in by_name["neo4j"]["env"]}
    assert settings == set(services["neo4j"]["environment"])
    assert services["vllm"]["entrypoint"] == by_name["vllm"]["command"]


def test_the_ports_of_the_compose_file_are_on_the_loopback_interface() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert COMPOSE["services"]["vllm"]["profiles"] == ["model"]


def test_the_variables_of_the_compose_file_are_explained() -> None:
    page = (HOW_TO / "containers.md").read_text()
    for name in re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker" / "compose.yaml").read_text()):
        assert f"`{name}`" in page, name


def test_the_image_has_all_that_the_package_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = (ROOT / "requirements" / "image.txt").read_text()
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["onnx"]]:
        name = re.match(r"[\w-]+", requirement)[0].lower()  # type: ignore[index]
        assert re.search(rf"^{name}==", pins, flags=re.MULTILINE), name


def test_what_the_image_is_built_from_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    built = [
        *re.findall(r"^COPY ((?:requirements|docker)\S*)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    ]
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())
    built += wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    built += [wheel["project"]["readme"], *wheel["project"]["license-files"], "pyproject.toml"]
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    for path in built:
        assert any(path == one or path.startswith(f"{one}/") for one in allowed), path
