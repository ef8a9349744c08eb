"""All checks that need no test run, each to its end: ``python -m tests.checks``."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
# What a production set-up gives; the check then has nothing to complain about.
PRODUCTION = {
    "SECRET_KEY": "a-key-only-for-this-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "ALLOWED_HOSTS": "factory.example.org",
    "SITE_URL": "https://factory.example.org",
}

CHECKS: dict[str, list[str]] = {
    "lint": [PYTHON, "-m", "ruff", "check", "--output-format", "concise", "."],
    "format": [PYTHON, "-m", "ruff", "format", "--check", "--output-format", "concise", "."],
    "templates": [PYTHON, "-m", "djlint", "templates", "--lint", "--quiet"],
    "types": [PYTHON, "-m", "mypy"],
    "floors": [str(Path(PYTHON).parent / "lint-imports"), "--no-cache"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "deployment": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}


def main(names: list[str]) -> int:
    scratch = tempfile.mkdtemp(prefix="aifactory-check-")
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TERM"}}
    environment = inherited | PRODUCTION | {"AIFACTORY_DATA": scratch}
    failed = []
    try:
        for name, command in CHECKS.items():
            if names and name not in names:
                continue
            started = time.monotonic()
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            verdict = "ok" if done.returncode == 0 else "FAILED"
            print(f"{name}: {verdict} ({time.monotonic() - started:.1f} s)", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout.rstrip(), flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
