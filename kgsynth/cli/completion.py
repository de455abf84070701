"""`kgsynth completion`: complete commands and options in a shell."""

import click
from click.shell_completion import get_completion_class

from kgsynth.cli.say import say


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options of kgsynth in SHELL.

    \b
    echo 'eval "$(kgsynth completion bash)"' >> ~/.bashrc
    echo 'eval "$(kgsynth completion zsh)"' >> ~/.zshrc
    kgsynth completion fish > ~/.config/fish/completions/kgsynth.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    say(kind(ctx.find_root().command, {}, "kgsynth", "_KGSYNTH_COMPLETE").source())
