"""``calcscope node`` and ``calcscope node status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from calcscope.node.config import NodeConfig

app = typer.Typer(rich_markup_mode="markdown", invoke_without_command=True)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration, TOML.", exists=True)]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Spool folder, where there is no configuration.")
]


@app.callback()
def node(
    context: typer.Context,
    config: ConfigOption = None,
    folder: FolderOption = None,
    title: Annotated[str | None, typer.Option(help="AE title; CALCSCOPE when left out.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 11112 when left out.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="File for the log; standard error when left out.")
    ] = None,
) -> None:
    """Run a DICOM node: receive mammograms, read each study, send the results.

    Runs until it is stopped (SIGTERM, Ctrl-C). It may be killed at any moment: what it acknowledged is kept,
    and goes on at the next start.

    Without --config it takes instances from this machine alone and sends nothing.

    Exit code 0 when it was stopped, 1 when it could not start, 2 for wrong arguments.

        calcscope node --config node.toml

        calcscope node --folder spool --port 11112
    """
    if context.invoked_subcommand is not None:
        return
    from calcscope.errors import CalcscopeError
    from calcscope.node.logs import start_log
    from calcscope.node.supervisor import Node

    settings = _settings(config, folder, title, port)
    try:
        start_log(log)
        Node(settings).run()
    except (CalcscopeError, OSError) as error:
        where = f"{settings.host}:{settings.port}, {settings.folder}"
        message = str(error) if isinstance(error, CalcscopeError) else f"{where}: {error.strerror or error}"
        typer.echo(f"Not started: {message}", err=True)
        raise typer.Exit(1) from error


@app.command()
def status(config: ConfigOption = None, folder: FolderOption = None) -> None:
    """Show how much a node has received, read and sent, and what is in trouble.

    Exit code 0 when nothing is in trouble, 1 when something is or there is no node, 2 for wrong arguments.

        calcscope node status --config node.toml
    """
    from rich.console import Console
    from rich.table import Table

    from calcscope.node.status import status_of
    from calcscope.node.store import StoreFault

    settings = _settings(config, folder, None, None)
    try:
        found = status_of(settings.folder)
    except StoreFault as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    table = Table("what", "state", "number", title="running" if found.running else "not running")
    for what, states in found.counts.items():
        for state, number in sorted(states.items()):
            table.add_row(what, state, str(number))
    table.add_row("disk", "free", f"{found.free_bytes / 1e9:.1f} GB")
    console = Console(highlight=False)
    console.print(table)
    for reason, number in sorted(found.trouble.items()):
        console.print(f"{number} × {reason}", markup=False, soft_wrap=True)
    if found.trouble:
        raise typer.Exit(1)


def _settings(config: Path | None, folder: Path | None, title: str | None, port: int | None) -> NodeConfig:
    from calcscope.node.config import FaultyConfig, checked, load

    if (config is None) == (folder is None):
        raise typer.BadParameter("give either --config or --folder")
    if config is not None and (title is not None or port is not None):
        raise typer.BadParameter("--title and --port stand in the configuration")
    try:
        if config is not None:
            return load(config)
        given = {"folder": folder, "title": title, "port": port}
        return checked({name: one for name, one in given.items() if one is not None}, Path.cwd(), "options")
    except FaultyConfig as error:
        raise typer.BadParameter(str(error)) from error
