"""`make generate`: writes again what is made from code; what differs then is to be committed.

In this order, since each rests on the one before: the OpenAPI document from the routes, the types
of the page from that document; then the snapshot of the schema from the migrations.
"""

import subprocess
import sys

from deploy.local.jobs import python
from deploy.local.layout import PROJECT

OPENAPI = PROJECT / "docs" / "reference" / "openapi.json"


def main() -> int:
    """Generate everything; gives the exit status of the first that fails."""
    document = subprocess.run(
        python("-m", "services.api", "openapi"), cwd=PROJECT, stdout=subprocess.PIPE, check=False
    )
    if document.returncode != 0:
        return document.returncode
    OPENAPI.write_bytes(document.stdout)
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
