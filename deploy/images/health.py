"""The health check of an image: asks the service's own monitor port; exit status 0 is healthy.

`health.py live` (the loops turn) or `health.py ready` (what it needs is there too).
"""

import http.client
import os
import sys

TIMEOUT_S = 4.0
KINDS = ("live", "ready")


def main() -> int:
    """Ask once; gives the exit status."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "ready"
    if kind not in KINDS:
        sys.stderr.write(f"health.py {' | '.join(KINDS)}\n")
        return 2
    port = int(os.environ.get("VITALWIRE_MONITOR_PORT", "9464"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"/health/{kind}")
        answer = connection.getresponse()
        sys.stdout.write(answer.read(2_000).decode(errors="replace") + "\n")
    except OSError as error:
        sys.stdout.write(f"port {port} does not answer: {error}\n")
        return 1
    finally:
        connection.close()
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
