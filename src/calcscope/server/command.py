"""``calcscope serve`` and ``calcscope manage``."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

log = logging.getLogger(__name__)
SETTINGS = "calcscope.server.settings"
THREADS = 8
OPEN_FILES = 32768
WATCH_SECONDS = 5.0
"""Between two looks at the processes that read exams."""
KEPT_SECONDS = 24 * 3600
"""After so long what arrived at a server that died is removed; nobody was told that it was taken."""
STOP_SECONDS = 10.0
"""For them to end what they are doing when the server is stopped."""


def _prepare(data: Path | None) -> None:
    """Tell Django which settings, and say what is missing where the server's parts are not installed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    if data is not None:
        os.environ["CALCSCOPE_DATA"] = str(data.absolute())
    try:
        import django  # noqa: F401
    except ImportError as error:
        typer.echo("The server's parts are not installed: pip install 'calcscope[server]'", err=True)
        raise typer.Exit(1) from error


def serve(
    data: Annotated[
        Path | None, typer.Option(help="Folder for database, images and reports [calcscope-data].")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    address: Annotated[
        str, typer.Option(help="Where to listen; leave it unless a proxy stands in front.")
    ] = "127.0.0.1",
    demo: Annotated[
        bool, typer.Option("--demo", help="Public example exams and example accounts; on this machine alone.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes that read exams.", min=0)] = 1,
) -> None:
    """Start the reading room: worklist, viewer, sign-off and follow-up.

    Makes or upgrades the database, then serves pages and reads exams until it is stopped (Ctrl-C).

        calcscope serve --demo
    """
    if demo:
        if address not in ("127.0.0.1", "localhost", "::1"):
            raise typer.BadParameter("the demonstration stays on this machine", param_hint="--address")
        os.environ.setdefault("CALCSCOPE_DEMO", "on")
        os.environ.setdefault("CALCSCOPE_TWO_FACTOR", "off")
        data = data or Path("calcscope-demo")
    _prepare(data)
    import django
    from django.core.management import call_command

    folder = Path(os.environ.get("CALCSCOPE_DATA", "calcscope-data")).absolute()
    _must_write(folder)
    _must_listen(address, port)
    _allow_files()
    # What browsers send lies on the disk of the images while it arrives: there is one disk to look after.
    (folder / "arriving").mkdir(mode=0o700, exist_ok=True)
    for left in (folder / "arriving").iterdir():
        if time.time() - left.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    tempfile.tempdir = tempfile.mkdtemp(dir=folder / "arriving")
    for end in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed leaves no reader behind either
        signal.signal(end, lambda *_unused: sys.exit(0))
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    if demo:
        call_command("demo")
    from django.conf import settings
    from waitress import serve as listen

    from calcscope.server.wsgi import application

    typer.echo(f"Calcscope is at http://{address}:{port}/ (stop with Ctrl-C)")
    with _readers(workers):
        listen(
            application, host=address, port=port, threads=THREADS, ident=None, max_request_body_size=8 << 30,
            asyncore_use_poll=True,  # its select() ends the server at the 1024th open file
            **_in_front(settings.CONFIG.proxy),
        )  # fmt: skip


def _in_front(proxy: str) -> dict[str, Any]:
    """What waitress is to believe of the headers of a web server in front.

    Where none is named its headers stay as they are and are believed by nobody; that there is one
    (``X-Forwarded-For``) still tells the metrics page that a request does not come from this machine.
    """
    if not proxy:
        return {"clear_untrusted_proxy_headers": False}
    return {
        "trusted_proxy": proxy,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        "clear_untrusted_proxy_headers": True,
    }


def _allow_files() -> None:
    """As many open files as one upload may bring, each of which is one while it arrives."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _must_write(folder: Path) -> None:
    """Make the data folder, and see that files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        _stop(
            f"{folder}: found no right or room to write ({error.strerror}); expected a folder of this user; "
            "name another with --data, or give this user the right"
        )


def _must_listen(address: str, port: int) -> None:
    """See that the port is free before the database is touched and readers are started."""
    try:
        family, kind, protocol, _name, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(where)
    except OSError as error:
        _stop(
            f"{address}:{port}: cannot listen there ({error.strerror}); expected a free port; "
            f"stop what uses it, or take another: --port {port + 1 if port < 65535 else 8000}"
        )


def _stop(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(1)


@contextmanager
def _readers(count: int) -> Iterator[None]:
    """Keep so many processes that read exams alive, and give the work of dead ones to others."""
    from django.db import close_old_connections

    from calcscope.server.exams.jobs import requeue_lost
    from calcscope.server.exams.uploads import retake_lost
    from calcscope.server.exams.workers import name_of
    from calcscope.server.followup.daily import run_daily
    from calcscope.server.outputs.writing import send_due
    from calcscope.server.sources.node import take_from_nodes

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "calcscope.server.exams.reader", str(os.getpid())])

    readers = [start() for _ in range(count)]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(WATCH_SECONDS):
            dead = [number for number, reader in enumerate(readers) if reader.poll() is not None]
            names = [name_of(readers[number].pid) for number in dead]
            for number in dead:
                readers[number] = start()
            # A fault of one is no reason to leave out the others; a database that is away comes back.
            for what in (
                partial(requeue_lost, names),
                partial(retake_lost, names),
                send_due,
                take_from_nodes,
                run_daily,
            ):
                try:
                    what()
                except Exception:
                    log.exception("watching the readers")
                    close_old_connections()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        for reader in readers:
            reader.terminate()
        for reader in readers:
            try:
                reader.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                reader.kill()  # its exam is read again at the next start
                reader.wait()


ASKS_DATABASE = {"site", "account", "backup", "nightly", "nobody_lost", "library"}
"""Commands of ours that need a database that is there."""


def _must_have_database(settings: Mapping[str, Any]) -> None:
    """See that the file of the database is there; one on another machine says itself what is wrong."""
    if settings["ENGINE"].endswith("sqlite3") and not Path(settings["NAME"]).exists():
        _stop(
            f"{settings['NAME']}: found no database; expected the one of the server; make it with "
            "calcscope manage migrate, or name another folder with --data"
        )


def manage(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Folder of the server [calcscope-data].")] = None,
) -> None:
    """Run a command of the server: site, account, backup, restore, nightly, nobody_lost …

    calcscope manage nobody_lost
    """
    _prepare(data)
    from django.conf import settings
    from django.core.management import execute_from_command_line

    if context.args[:1] == ["migrate"]:
        _must_write(settings.CONFIG.data)  # the first that is asked of a new server
    elif context.args and context.args[0] in ASKS_DATABASE and "--help" not in context.args:
        _must_have_database(settings.DATABASES["default"])
    execute_from_command_line(["calcscope manage", *context.args])
