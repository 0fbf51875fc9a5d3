"""`unmta completion`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from .layout import Command

__all__ = ["completion"]

completion = Command(
    name="completion",
    help_epilogue="""\
Examples:
  $ cd ~/.local/share/bash-completion/completions && unmta completion bash > unmta
  $ unmta completion zsh > "${fpath[1]}/_unmta"
  $ unmta completion fish > ~/.config/fish/completions/unmta.fish
  $ source <(unmta completion bash)    # for this shell only""",
)


@completion.default
def completion_(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter()], /) -> None:
    """Write what a shell needs to complete commands and options.

    It is a script that stands by itself: completing starts no program. Write it anew after an
    update.

    Args:
        shell: The shell.
    """
    from .app import app

    sys.stdout.write(app.generate_completion(shell=shell))
