"""The checklist as a page: what each item asks for, readable by everybody who is signed in."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.gates.models import GateRequirement
from apps.registry.models import PHASE_ORDER, Phase
from apps.registry.roles import Role

from ..models import ChecklistTemplate, Item, Section
from ..spec import item_spec


@login_required
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """The checklist in force, or the version named by ``?version=``, searched by ``?q=``."""
    template = _template(request.GET.get("version", ""))
    query = request.GET.get("q", "").strip()
    sections = _sections(template, query)
    context = {
        "template": template,
        "templates": ChecklistTemplate.objects.order_by("-loaded_at"),
        "sections": sections,
        "query": query,
        "found": sum(len(section["items"]) for section in sections),
    }
    return render(request, "readiness/catalogue.html", context)


def _template(version: str) -> ChecklistTemplate:
    wanted = {"version": version} if version else {"in_force": True}
    template = ChecklistTemplate.objects.filter(**wanted).first()
    if template is None:
        raise Http404("No such checklist")
    return template


def _sections(template: ChecklistTemplate, query: str) -> list[dict[str, Any]]:
    asked_from = _first_phases()
    items = Item.objects.filter(section__template=template).select_related("section").order_by("position")
    rows: dict[int, list[dict[str, Any]]] = {}
    for item in items:
        if _matches(item, query):
            row = {"item": item, "spec": item_spec(item, template), "phase": asked_from.get(item.key, "")}
            rows.setdefault(item.section_id, []).append(row)
    return [
        {"section": section, "role": Role(section.signing_role).label, "items": rows.get(section.pk, [])}
        for section in Section.objects.filter(template=template)
        if rows.get(section.pk) or not query
    ]


def _matches(item: Item, query: str) -> bool:
    """Each word occurs somewhere in the entry: key, title, checks, evidence or mapped controls."""
    text = f"{item.key} {item.title} {item.summary} {item.spec}".lower()
    return all(word in text for word in query.lower().split())


def _first_phases() -> dict[str, str]:
    """Item key -> name of the first phase whose gate asks for it, by the policy in force."""
    lines = GateRequirement.objects.filter(policy__in_force=True, name="readiness.item")
    asked: dict[str, str] = {}
    for line in sorted(lines, key=lambda line: PHASE_ORDER.index(line.phase)):
        asked.setdefault(line.params.get("item", ""), str(Phase(line.phase).label))
    return asked
