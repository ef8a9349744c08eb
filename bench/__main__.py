"""
``python -m bench DATABASE_URL [DATABASE_URL]``: measure generated databases and print a markdown table.

Fill them first: ``python -m bench.generate --systems 1000 --database-url postgres://...``.
"""

import argparse
import sys

from . import environment


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("database_url", nargs="+", help="databases filled by bench.generate, small one first")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    asked = parser.parse_args(arguments)
    environment.setup(asked.database_url[0])
    from .measure import table

    sizes, rows = table(asked.database_url, asked.only, say=lambda text: print(text, file=sys.stderr, flush=True))
    print("| request | goal | " + " | ".join(f"{size:,} systems" for size in sizes) + " | growth | queries |")
    print("|---|---:|" + "---:|" * len(sizes) + "---:|---:|")
    for row, results in rows:
        costs = " | ".join(f"{result.app:.1f} + {result.db:.1f}" for result in results)
        growth = f"{results[-1].total / results[0].total:.2f}x"
        queries = "" if results[-1].queries is None else results[-1].queries
        print(f"| {row.name} | {row.goal or ''} | {costs} | {growth} | {queries} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
