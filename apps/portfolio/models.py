"""The portfolio reads everything and writes nothing, so it has no tables."""
