"""The requests that are measured, with the goals of the project for app and database together."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from .people import FEW, OFFICE, ORDINARY, SIGNER


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    ``door`` is ``open`` (no sign-in), ``api`` (token), ``page`` (session) or ``form`` (a page with a form, fetched
    unmeasured, then sent). ``{slug}``, ``{phase}`` and ``{review}`` in ``path`` go through the systems in turn.
    """

    name: str
    path: str
    door: str = "page"
    method: str = "GET"
    person: str = ORDINARY
    goal: float | None = None
    expect: int = 200
    create: bool = False

    def address(self, prepared: dict[str, Any], turn: int) -> str:
        pool = prepared["sections" if self.person == SIGNER else "systems"]
        return self.path.format(**pool[turn % len(pool)])

    def body(self, turn: int) -> bytes:
        if not self.create:
            return b""
        name = f"Ticket sorting {uuid.uuid4().hex[:12]}"
        return json.dumps({"name": name, "purpose": "Sorts tickets by urgency for the help desk."}).encode()


ROWS = [
    Row("Floor: one statement, 100 rows as JSON", "/bench/statement/", door="open"),
    Row("Floor: ModelSerializer, 100 rows, no rights asked", "/bench/serializer/", door="open"),
    Row("API: list of 100 systems", "/api/v1/systems/?limit=100", door="api", goal=16),
    Row("API: the same, a person who sees 5", "/api/v1/systems/?limit=100", door="api", person=FEW),
    Row("API: the same, governance office (sees all)", "/api/v1/systems/?limit=100", door="api", person=OFFICE),
    Row("API: one system", "/api/v1/systems/{slug}/", door="api", goal=9),
    Row("API: gate dry run", "/api/v1/systems/{slug}/gates/{phase}/decisions", door="api", goal=20),
    Row("API: create a system", "/api/v1/systems/", door="api", method="POST", expect=201, create=True),
    Row("Page: systems, 50 rows", "/systems/", goal=25),
    Row("Page: systems, governance office (sees all)", "/systems/", person=OFFICE),
    Row("Page: one system", "/systems/{slug}/", goal=30),
    Row("Page: review of 32 items", "/reviews/{review}/", goal=30),
    Row("Page: one item", "/reviews/{review}/items/T-3/"),
    Row("Page: gate", "/systems/{slug}/gates/{phase}/"),
    Row("Page: history of a system", "/systems/{slug}/history/"),
    Row("Page: my work", "/"),
    Row("Page: portfolio funnel", "/portfolio/"),
    Row("Page: portfolio funnel, governance office", "/portfolio/", person=OFFICE),
    Row("Page: sign a section (before signing)", "/reviews/{review}/sections/technical/sign/", person=SIGNER),
    Row(
        "Sign-off, complete step, cheap password hash",
        "/reviews/{review}/sections/technical/sign/",
        door="form",
        method="POST",
        person=SIGNER,
        goal=40,
        expect=302,
    ),
]
