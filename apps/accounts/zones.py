"""Time zones to choose from."""

import zoneinfo
from functools import cache

# Other names of the same zones, kept by the database for old systems.
_LEFT_OUT = ("Etc/", "SystemV/", "US/", "Brazil/", "Canada/", "Chile/", "Mexico/")


@cache
def choices() -> list[tuple[str, str | list[tuple[str, str]]]]:
    """Zones grouped by region, for a select."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zoneinfo.available_timezones()):
        if "/" in name and not name.startswith(_LEFT_OUT):
            region, _, place = name.partition("/")
            groups.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return [("", "The zone of the browser"), ("UTC", "UTC"), *groups.items()]
