"""`make generate`: writes again what is made from code; what differs then is to be committed.

In this order, since each rests on the one before: the OpenAPI document from the routes, the types
of the page from that document; then the order of methods from its table and the snapshot of the
schema from the migrations.
"""

import subprocess
import sys

from deploy.local.jobs import python
from deploy.local.layout import PROJECT

MADE = {
    "openapi": PROJECT / "docs" / "reference" / "openapi.json",
    "preferences": PROJECT / "web" / "src" / "api" / "preferences.ts",
}


def main() -> int:
    """Generate everything; gives the exit status of the first that fails."""
    for name, path in MADE.items():
        made = subprocess.run(
            python("-m", "services.api", name), cwd=PROJECT, stdout=subprocess.PIPE, check=False
        )
        if made.returncode != 0:
            return made.returncode
        path.write_bytes(made.stdout)
    for arguments in (
        ("-m", "deploy.local.page", "--npm", "run", "generate"),
        ("-m", "tests.integration.storage.make_snapshot"),
    ):
        status = subprocess.run(python(*arguments), cwd=PROJECT, check=False).returncode
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
