"""The command `fewmark serve`."""

import sys
from pathlib import Path
from typing import Any

import click

from datasets.console import PATH


@click.command()
@click.argument("workspace", type=PATH, required=False)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="localhost", show_default=True, help="Where it is reachable.")
@click.option(
    "--oidc", type=PATH, metavar="SECRETS", envvar="FEWMARK_OIDC",
    help="People sign in by OpenID Connect; SECRETS is a TOML file with the section [auth].",
)  # fmt: skip
@click.option(
    "--trust-header", metavar="NAME", envvar="FEWMARK_TRUST_HEADER",
    help="People sign in at a proxy, which says who they are in this header (X-Remote-User).",
)  # fmt: skip
@click.option(
    "--proxy", "proxies", metavar="ADDRESS", multiple=True, envvar="FEWMARK_PROXY",
    help="The proxy's address or network, if it is not on this machine; may be given again.",
)  # fmt: skip
@click.option("--anyone", is_flag=True, help="Whoever can reach --address may do everything.")
@click.option(
    "--pictures", type=PATH, multiple=True, metavar="FOLDER",
    help="Folder outside WORKSPACE whose pictures and data a team may open; may be given again.",
)  # fmt: skip
@click.option(
    "--store", metavar="URL", envvar="FEWMARK_STORE",
    help="Annotation store, if it is not that of WORKSPACE: postgresql+psycopg://HOST/NAME.",
)  # fmt: skip
def serve(workspace: Path | None, port: int, address: str, **door: Any) -> None:  # noqa: ANN401
    """Open the app on WORKSPACE (default: FEWMARK_WORKSPACE, else ./fewmark-workspace).

    On this machine alone nobody signs in, and one person may do everything. For a team see
    --oidc and --trust-header, and `fewmark project members`.
    """
    from annotate import serving
    from annotate.identity import LOOPBACK
    from datasets.workspace import Workspace

    root = workspace or Workspace.from_environment().root
    who = serving.Door(proxies=door.pop("proxies") or LOOPBACK, **door)
    who.check(address)
    serving.require_free_port(address, port)
    root.mkdir(parents=True, exist_ok=True)
    click.echo(f"Fewmark works in {root} at http://{address}:{port} (Ctrl+C stops it)")
    sys.exit(serving.serve(root, address, port, who))
