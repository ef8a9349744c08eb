"""
Run the tests on SQLite, then on PostgreSQL: ``python -m tests.suite [--deep] [arguments for pytest]``.

What cannot run here is said in a line that starts with SKIP; with ``CI`` set it is a failure.
"""

import os
import subprocess
import sys
import time

from tests import postgres
from tests.fixtures_browser import browser_path


def main(arguments: list[str]) -> int:
    in_ci = bool(os.environ.get("CI"))
    deep = "--deep" in arguments
    chosen = [argument for argument in arguments if argument != "--deep"]
    # The second run leaves out what cannot depend on the database: rights per route, looks, files, parsing.
    selections = ("", "") if deep else ("not deep", "not deep and not once")
    options: list[str] = []
    if not chosen:
        # Processes take a second or two to start: not worth it for a few chosen tests.
        options += ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal"]
    notes: list[str] = []
    failed = False

    def missing(note: str) -> None:
        nonlocal failed
        notes.append(f"{'FAILED' if in_ci else 'SKIP'}: {note}")
        failed = failed or in_ci

    def run(name: str, selection: str, **environment: str) -> None:
        nonlocal failed
        print(f"\n=== Tests on {name} ===", flush=True)
        surroundings = {key: value for key, value in os.environ.items() if key != "TEST_DATABASE_URL"}
        started = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-m", selection, *options, *chosen]
        done = subprocess.run(command, env=surroundings | environment, check=False)
        outcome = "passed" if done.returncode == 0 else f"FAILED (exit {done.returncode})"
        notes.append(f"{name}: {outcome} in {time.monotonic() - started:.0f} s")
        failed = failed or done.returncode != 0

    if not browser_path():
        missing("browser tests, because there is no Chromium (apt-get install chromium)")
    run("SQLite", selections[0])
    try:
        with postgres.server() as server:
            run(f"PostgreSQL ({server.found})", selections[1], TEST_DATABASE_URL=server.url)
    except postgres.NoServer as error:
        missing(f"tests on PostgreSQL, because there is no server: {error}")
    print("", *notes, sep="\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
