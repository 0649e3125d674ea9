"""The health check of the container: ``python3 -m campaigns.ops.health PORT`` asks ``/health`` of this machine.

Promises: ends with 0 if an opt-out would be kept now (200), else with 1 and the answer on standard output. Waits for
eight seconds at most, asks no proxy, and loads nothing but the standard library.
"""

from __future__ import annotations

import http.client
import sys

LONGEST = 8.0  # seconds; the image gives up after ten


def ask(port: int) -> tuple[int, str]:
    """Return the status and the text of the answer; 0 and the reason where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status, answer.read(1_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()


if __name__ == "__main__":
    status, text = ask(int(sys.argv[1]))
    print(text)
    sys.exit(0 if status == 200 else 1)
