"""Filling throw-away databases of two sizes and measuring what requests cost on them; see docs/performance.md."""
