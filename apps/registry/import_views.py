"""Pages of the inventory import: upload, look at what would happen, start, watch, read the report."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.exceptions import RuleViolation
from apps.core.forms import add_refusal

from . import import_actions, policies
from .import_forms import MappingForm, ProfileForm, RowFilterForm, UploadForm
from .import_policies import can_see_imports, check_can_see_imports
from .import_reading import reading_of, table_of
from .import_rows import forecast
from .importing.profiles import parse_profile, unmapped
from .importing.report import csv_lines
from .models import AISystem, ImportRow, ImportRun

PREVIEW_ROWS = 20
PAGE_ROWS = 50
# Work that has not moved for this long gets a button to take it up again.
STALLED_AFTER = timedelta(minutes=1)


def _visible_run(request: HttpRequest, uid: UUID) -> ImportRun:
    """The run, for people who see the whole portfolio; for everybody else it is not there."""
    if not can_see_imports(user=request.user):
        raise Http404
    return get_object_or_404(ImportRun.objects.select_related("started_by"), uid=uid)


@login_required
@require_GET
def import_list(request: HttpRequest) -> HttpResponse:
    check_can_see_imports(user=request.user)
    page = Paginator(ImportRun.objects.select_related("started_by"), PAGE_ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "may_import": policies.can_import(user=request.user)}
    return render(request, "registry/import_list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def import_upload(request: HttpRequest) -> HttpResponse:
    policies.check_can_import(user=request.user)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            run = import_actions.upload(
                data=file.read(), filename=file.name, by=request.user, profile_key=form.cleaned_data["profile"]
            )
        except RuleViolation as error:
            add_refusal(form, error)
        else:
            return redirect("registry:import-detail", run.uid)
    status = 422 if form.is_bound else 200
    return render(request, "registry/import_upload.html", {"form": form}, status=status)


@login_required
@require_GET
def import_detail(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The preview of a run that waits, else its progress and report."""
    run = _visible_run(request, uid)
    if run.status == ImportRun.Status.PREVIEW:
        return _show_preview(request, run)
    return _show_report(request, run)


def _show_preview(
    request: HttpRequest, run: ImportRun, form: MappingForm | None = None, refusal: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "run": run,
        "may_import": policies.can_import(user=request.user),
        "preview_rows": PREVIEW_ROWS,
        "refusal": refusal,
    }
    try:
        table = table_of(run)
        profile = parse_profile(run.profile)
        context["form"] = form or MappingForm(used=profile, table=table, mapping=run.mapping)
        context["profile_form"] = ProfileForm(initial={"profile": profile.key})
        context["kept_only"] = unmapped(profile, run.mapping, table)
        expected = forecast(reading_of(run))
    except RuleViolation as error:
        context["refusal"] = refusal or str(error)
        return render(request, "registry/import_preview.html", context, status=status)
    context |= {
        "expected": expected[:PREVIEW_ROWS],
        "refused": [row for row in expected if row.outcome == ImportRow.Outcome.REFUSED],
        "counts": Counter(row.outcome for row in expected),
        "with_warnings": sum(bool(row.row.warnings) for row in expected),
    }
    return render(request, "registry/import_preview.html", context, status=status)


@login_required
@require_POST
def import_choose(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Another profile, or other columns for the one in use: two small forms of one page."""
    run = _visible_run(request, uid)
    policies.check_can_import(user=request.user)
    if "profile" in request.POST:
        chosen = ProfileForm(request.POST)
        if not chosen.is_valid():
            return _show_preview(request, run, refusal="There is no such profile.", status=422)
        import_actions.choose(run, by=request.user, profile_key=chosen.cleaned_data["profile"])
        return redirect("registry:import-detail", run.uid)
    form = MappingForm(request.POST, used=parse_profile(run.profile), table=table_of(run), mapping=run.mapping)
    if not form.is_valid():
        return _show_preview(request, run, form, status=422)
    import_actions.choose(run, by=request.user, mapping=form.mapping())
    return redirect("registry:import-detail", run.uid)


@login_required
@require_POST
def import_start(request: HttpRequest, uid: UUID) -> HttpResponse:
    run = _visible_run(request, uid)
    try:
        import_actions.start(run, by=request.user)
    except RuleViolation as error:
        if run.status != ImportRun.Status.PREVIEW:
            raise
        return _show_preview(request, run, refusal=str(error), status=409)
    return redirect("registry:import-detail", run.uid)


@login_required
@require_POST
def import_continue(request: HttpRequest, uid: UUID) -> HttpResponse:
    run = _visible_run(request, uid)
    import_actions.carry_on(run, by=request.user)
    return redirect("registry:import-detail", run.uid)


@login_required
@require_GET
def import_progress(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The part of the page that follows a running import; at the end it asks for the whole page with the report."""
    run = _visible_run(request, uid)
    if run.status not in import_actions.UNDER_WAY:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "registry/import_progress.html", _progress(request, run))


def _progress(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    under_way = run.status in import_actions.UNDER_WAY
    last_seen = run.advanced_at or run.started_at or run.created_at
    return {
        "run": run,
        "under_way": under_way,
        "stalled": under_way and timezone.now() - last_seen > STALLED_AFTER,
        "may_import": policies.can_import(user=request.user),
    }


def _show_report(request: HttpRequest, run: ImportRun) -> HttpResponse:
    filters = RowFilterForm(request.GET)
    page = Paginator(_rows(run, filters), PAGE_ROWS).get_page(request.GET.get("page"))
    context = {**_progress(request, run), "page": page, "filters": filters, "query": request.GET.urlencode()}
    return render(request, "registry/import_run.html", context)


def _rows(run: ImportRun, filters: RowFilterForm) -> QuerySet[ImportRow]:
    rows = run.rows.select_related("system")
    if not filters.is_valid():
        return rows
    if outcome := filters.cleaned_data["outcome"]:
        rows = rows.filter(outcome=outcome)
    if filters.cleaned_data["note"]:
        rows = rows.exclude(warnings=[])
    if text := filters.cleaned_data["q"].strip():
        rows = rows.filter(Q(name__icontains=text) | Q(reason__icontains=text))
    return rows


@login_required
@require_GET
def import_report(request: HttpRequest, uid: UUID) -> StreamingHttpResponse:
    """The rows the filters leave, as CSV."""
    run = _visible_run(request, uid)
    rows = _rows(run, RowFilterForm(request.GET)).iterator(chunk_size=500)
    lines = csv_lines(report_cells(row) for row in rows)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="import-report-{run.uid}.csv"'
    return response


def report_cells(row: ImportRow) -> list[Any]:
    """One row of the report, in the order of ``report.HEADINGS``."""
    slug = row.system.slug if row.system else ""
    return [row.number, row.outcome, row.name, slug, row.reason, "\n".join(row.warnings)]


@login_required
@require_GET
def import_file(request: HttpRequest, uid: UUID) -> FileResponse:
    """The file as it was uploaded: never shown by the browser, only saved."""
    run = _visible_run(request, uid)
    return FileResponse(
        run.file.open("rb"), as_attachment=True, filename=run.filename, content_type="application/octet-stream"
    )


@login_required
@require_GET
def system_source(request: HttpRequest, slug: str) -> HttpResponse:
    """The inventory row a system came from, cell by cell, and its earlier versions."""
    system = get_object_or_404(AISystem.objects.visible_to(request.user), slug=slug)
    rows = system.source_rows.select_related("run__started_by")
    context = {"system": system, "rows": rows, "may_see_runs": can_see_imports(user=request.user)}
    return render(request, "registry/import_source.html", context)
