"""
The words of our pages: icons, status chips, dates, people, links, and the frames that hold content.

Loaded as a template builtin. Small tags build their markup here because lists show hundreds of them; frames with
more markup live in templates/components.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from .statuses import look

register = template.Library()

SPRITE = "vendor/icons/sprite.svg"


# --- Small things -----------------------------------------------------------------------------------------------------


# Lists draw the same few icons and chips hundreds of times. ``typed``: a safe string and a plain one of the same
# letters are not the same text.
_drawn_once = lru_cache(maxsize=2048, typed=True)


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An icon of the sprite. Decoration unless it has a label."""
    return _icon(name, label, css)


@_drawn_once
def _icon(name: str, label: str, css: str) -> SafeString:
    spoken = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon {}" {} focusable="false"><use href="{}#{}"></use></svg>', css, spoken, static(SPRITE), name
    )


@_drawn_once
def _chip(tone: str, icon_name: str, label: Any) -> SafeString:
    return format_html('<span class="chip chip-{}">{}<span>{}</span></span>', tone, icon(icon_name), label)


@register.simple_tag
def badge(value: Any, label: str = "", icon: str = "") -> SafeString:
    """A status as icon, words and colour. ``value`` is a status word or one of the tones."""
    return status_badge("", value, label, icon)


@register.simple_tag
def status_badge(kind: str, value: Any, label: str = "", icon: str = "") -> SafeString:
    """Like ``badge``, for words that mean different things for different kinds of thing."""
    seen = look(kind, value)
    return _chip(seen.tone, icon or seen.icon, label or seen.label)


@register.simple_tag
def when(value: datetime | None, empty: str = "Never", zone: bool = False, ago: bool = False) -> SafeString:
    """A moment in the reader's zone, with UTC in the title. ``zone`` names the zone, ``ago`` says how long since."""
    if not value:
        return format_html('<span class="text-secondary">{}</span>', empty)
    utc, local = value.astimezone(UTC), timezone.localtime(value)
    text = _ago(value) if ago else ""
    text = text or format_date(local, "j M Y, H:i T" if zone else "j M Y, H:i")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        format_date(utc, "j M Y, H:i:s") + " UTC",
        text,
    )


def _ago(value: datetime) -> str:
    """How long ago in words, empty for a moment to come."""
    seconds = (timezone.now() - value).total_seconds()
    if seconds < 0:
        return ""
    return "just now" if seconds < 60 else f"{timesince(value, timezone.now(), depth=1)} ago"


def _as_day(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


@register.simple_tag
def day(value: date | datetime | None, empty: str = "Not set") -> SafeString:
    if not value:
        return format_html('<span class="text-secondary">{}</span>', empty)
    return _day(_as_day(value))


@_drawn_once
def _day(value: date) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), format_date(value, "j M Y"))


@register.simple_tag
def due(value: date | datetime | None, empty: str = "No date", soon: int = 14) -> SafeString:
    """A date with how far away it is, marked when it is near or past."""
    if not value:
        return format_html('<span class="text-secondary">{}</span>', empty)
    left = (_as_day(value) - timezone.localdate()).days
    if left < 0:
        tone, sign, words = "blocked", "clock-exclamation", f"{_days(-left)} overdue"
    elif left <= soon:
        tone, sign, words = "warn", "clock", "today" if left == 0 else f"in {_days(left)}"
    else:
        return day(value)
    return format_html(
        '<span class="due due-{}">{}{} <span class="due-words">{}</span></span>', tone, icon(sign), day(value), words
    )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


@register.simple_tag
def person(who: Any, note: str = "", empty: str = "Nobody") -> SafeString:
    """Initials and name of a user, a team or a name kept as text."""
    if not who:
        return format_html(
            '<span class="person person-empty"><span class="person-initials">{}</span>{}</span>', icon("user"), empty
        )
    name = who if isinstance(who, str) else (getattr(who, "full_name", "") or str(who))
    words = [word for word in name.split() if word[0].isalnum()] or [name]
    initials = (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()
    if getattr(who, "is_active", True) is False:
        note = f"{note}, no longer active".lstrip(", ")
    return format_html(
        '<span class="person"><span class="person-initials tint-{}" aria-hidden="true">{}</span>'
        '<span class="person-name">{}{}</span></span>',
        sum(map(ord, name)) % 6,
        initials,
        name,
        format_html(' <span class="person-note">({})</span>', note) if note else "",
    )


@register.simple_tag
def progress(value: float, maximum: float, label: str, tone: str = "") -> SafeString:
    """A bar that reads its label aloud. The native element, because a width in a style attribute is refused."""
    return format_html(
        '<progress class="progress {}" value="{}" max="{}" aria-label="{}">{}</progress>',
        f"progress-{tone}" if tone else "",
        value,
        maximum or 1,
        label,
        label,
    )


@register.simple_tag
def digest(value: str, length: int = 12) -> SafeString:
    """The start of a digest, the whole of it in the title and for the copy button."""
    if not value:
        return mark_safe('<span class="text-secondary">None</span>')
    return format_html(
        '<span class="digest"><code title="{}">{}…</code><button type="button" class="btn-copy js-only" '
        'data-copy="{}" aria-label="Copy the whole digest">{}</button></span>',
        value,
        value[:length],
        value,
        icon("copy"),
    )


@register.filter
def unmet(results: Iterable[Any] | None) -> list[Any]:
    """The gate results that keep the gate closed."""
    return [result for result in results or () if look("result", result.status).tone not in SETTLED]


@register.filter
def settled(results: Iterable[Any] | None) -> list[Any]:
    """The gate results that are met, waived or do not apply."""
    return [result for result in results or () if look("result", result.status).tone in SETTLED]


SETTLED = {"met", "warn", "none"}


# --- Links ------------------------------------------------------------------------------------------------------------


def _url(name: str, *args: Any) -> str:
    """The address of a page by name, empty if there is none. An address is taken as it is."""
    if name.startswith("/"):
        return name
    try:
        return reverse(name, args=args) if name else ""
    except NoReverseMatch:
        return ""


def _is_here(context: template.Context, url: str, exact: bool) -> str:
    request = context.get("request")
    if request is None:
        return ""
    if request.path == url:
        return mark_safe(' aria-current="page"')
    return mark_safe(' aria-current="true"') if not exact and url != "/" and request.path.startswith(url) else ""


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, name: str, label: str, icon_name: str = "", exact: bool = False) -> SafeString:
    """A link of the main navigation, or nothing where this installation has no such page."""
    if not (url := _url(name)):
        return SafeString()
    sign = icon(icon_name) if icon_name else ""
    return format_html(
        '<li><a class="nav-item-link" href="{}"{}>{}<span>{}</span></a></li>',
        url,
        _is_here(context, url, exact),
        sign,
        label,
    )


@register.simple_tag(takes_context=True)
def tab(
    context: template.Context,
    name: str,
    label: str,
    *args: Any,
    icon_name: str = "",
    count: int | None = None,
    exact: bool = False,
    query: str = "",
) -> SafeString:
    """One tab of a set of pages; ``query`` goes along in its address. Nothing where there is no such page."""
    if not (url := _url(name, *args)):
        return SafeString()
    return format_html(
        '<li><a class="tab" href="{}{}"{}>{}{}{}</a></li>',
        url,
        query or "",
        _is_here(context, url, exact),
        icon(icon_name) if icon_name else "",
        label,
        format_html(' <span class="tab-count">{}</span>', count) if count else "",
    )


@register.simple_tag
def crumb(label: str, name: str = "", *args: Any) -> SafeString:
    """One step of the breadcrumb; the last has no address."""
    if not name:
        return format_html('<li><span aria-current="page">{}</span></li>', label)
    if url := _url(name, *args):
        return format_html('<li><a href="{}">{}</a></li>', url, label)
    return format_html("<li>{}</li>", label)


# --- Frames: block tags whose markup is in templates/components -------------------------------------------------------


@register.simple_tag
def empty_state(title: str, text: str = "", url: str = "", label: str = "", icon: str = "list") -> SafeString:
    """What to say where a list has nothing: what it is, and what to do next."""
    context = {"title": title, "text": text, "url": url, "label": label, "icon_name": icon}
    return render_to_string("components/empty_state.html", context)


@register.simple_block_tag
def page_header(content: str, title: str, eyebrow: str = "", lead: str = "", meta: str = "") -> SafeString:
    """The head of a page; the content of the tag is its actions."""
    context = {"title": title, "eyebrow": eyebrow, "lead": lead, "meta": meta, "actions": content.strip()}
    return render_to_string("components/page_header.html", context)


@register.simple_block_tag
def card(
    content: str,
    title: str = "",
    icon: str = "",
    sub: str = "",
    actions: str = "",
    body: bool = False,
    id: str = "",
    css: str = "",
) -> SafeString:
    """A card. ``body`` pads the content; leave it off for tables and lists that reach the edges."""
    context = {
        "content": content,
        "title": title,
        "icon_name": icon,
        "sub": sub,
        "actions": actions,
        "body": body,
        "id": id,
        "css": css,
    }
    return render_to_string("components/card.html", context)


@register.simple_block_tag
def table_region(content: str, label: str) -> SafeString:
    """Let a wide table scroll by itself, by keyboard too, instead of widening the page."""
    return format_html(
        '<div class="table-responsive" tabindex="0" role="region" aria-label="{}">{}</div>', label, content
    )


@register.simple_block_tag
def facts(content: str, css: str = "") -> SafeString:
    return format_html('<dl class="facts {}">{}</dl>', css, content)


@register.simple_block_tag
def fact(content: str, label: str, empty: str = "Not stated", wide: bool = False) -> SafeString:
    """A line of a list of facts, which says so when nothing is known."""
    said = content if content.strip() else format_html('<span class="text-secondary">{}</span>', empty)
    return format_html('<div class="fact{}"><dt>{}</dt><dd>{}</dd></div>', " fact-wide" if wide else "", label, said)


CALLOUT_ICONS = {"info": "info-circle", "met": "circle-check", "warn": "alert-triangle", "blocked": "ban"}


@register.simple_block_tag
def callout(content: str, tone: str = "info", title: str = "") -> SafeString:
    """A note that must not be missed, inside the flow of the page."""
    return format_html(
        '<div class="callout callout-{}">{}<div class="callout-text">{}{}</div></div>',
        tone,
        icon(CALLOUT_ICONS.get(tone, "info-circle")),
        format_html('<p class="callout-title">{}</p>', title) if title else "",
        content,
    )


@register.simple_block_tag
def timeline(content: str) -> SafeString:
    return format_html('<ol class="events">{}</ol>', content)


@register.simple_block_tag(takes_context=True)
def filter_bar(
    context: template.Context, content: str, target: str = "", label: str = "Filter this list", clear: str = ""
) -> SafeString:
    """A GET form of filters. With ``target`` only that part of the page is exchanged when JavaScript runs."""
    request = context.get("request")
    path = request.path if request else ""
    has_filters = bool(request and any(value for key, value in request.GET.items() if key != "page"))
    frame = {"content": content, "target": target, "label": label, "path": path}
    return render_to_string("components/filter_bar.html", {**frame, "clear": clear or (path if has_filters else "")})


@register.simple_block_tag
def nav_section(content: str, label: str) -> SafeString:
    """A titled group of the navigation, or nothing when no link of it exists here."""
    if not content.strip():
        return SafeString()
    return format_html('<li class="nav-group"><p>{}</p><ul>{}</ul></li>', label, content)


@register.simple_tag
def form_errors(form: Any) -> SafeString:
    """The summary of what is wrong with a form whose fields are laid out by hand."""
    return render_to_string("django/forms/summary.html", {"form": form, "errors": form.non_field_errors()})
