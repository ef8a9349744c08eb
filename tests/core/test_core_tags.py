from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django import forms
from django.http import QueryDict
from django.template import Context, Template
from django.template.loader import get_template
from django.test import RequestFactory
from django.utils import timezone

from apps.core.exceptions import RuleViolation
from apps.core.forms import FactoryForm, add_refusal
from apps.core.templatetags.statuses import look

NOON = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)


def render(source, **context):
    return Template(source).render(Context(context)).strip()


def test_a_moment_is_shown_in_the_readers_zone_with_utc_in_the_title():
    with timezone.override(ZoneInfo("Europe/Warsaw")):
        html = render("{% when moment zone=True %}", moment=NOON)

    assert ">23 Nov 2026, 13:00 CET<" in html
    assert 'datetime="2026-11-23T12:00:05Z"' in html
    assert 'title="23 Nov 2026, 12:00:05 UTC"' in html


def test_a_moment_that_never_came_says_so():
    assert "Never" in render("{% when moment %}", moment=None)


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize("age, words", [(5, "just now"), (3600 * 3, "3\xa0hours ago"), (-600, "2026, 12:10")])
def test_a_moment_can_say_how_long_ago_it_was(age, words):
    assert words in render("{% when moment ago=True %}", moment=NOON - timedelta(seconds=age))


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    "days, tone, words",
    [(-1, "blocked", "1 day overdue"), (0, "warn", "today"), (14, "warn", "in 14 days"), (15, "", "8 Dec 2026")],
)
def test_a_due_date_is_marked_when_near_or_past(days, tone, words):
    html = render("{% due day %}", day=date(2026, 11, 23) + timedelta(days=days))

    assert words in html
    assert (f"due-{tone}" in html) is bool(tone)


def test_a_status_is_icon_words_and_colour():
    html = render('{% status_badge "item" "not_started" %}')

    assert "chip-todo" in html
    assert "#circle-dashed" in html
    assert "<span>Not started</span>" in html


def test_one_word_may_look_different_by_kind():
    assert look("condition", "open").tone == "warn"
    assert look("gate", "open").tone == "met"


def test_a_status_nobody_listed_is_shown_without_colour():
    seen = look("item", "half_baked")

    assert (seen.tone, seen.label) == ("plain", "Half baked")


def test_what_people_wrote_is_escaped():
    html = render(
        "{% person name %}{% badge 'met' name %}{% callout 'warn' name %}{% endcallout %}{% digest name %}"
        "{% page_header name %}{% endpage_header %}{% card name %}{% endcard %}{% fact name %}{{ name }}{% endfact %}",
        name="<b>x</b>",
    )

    assert "<b>" not in html


def test_a_person_who_left_is_marked():
    html = render("{% person user %}", user=SimpleNamespace(full_name="Ola Lind", is_active=False))

    assert "OL</span>" in html
    assert "(no longer active)" in html


def test_results_are_parted_into_open_and_settled():
    results = [SimpleNamespace(status=status) for status in ("not_met", "met", "waived", "not_applicable", "unclear")]

    parted = render("{{ results|unmet|length }} {{ results|settled|length }}", results=results)

    assert parted == "2 3"


def test_links_to_pages_that_do_not_exist_are_left_out():
    html = render('{% nav_section "More" %}{% nav_link "nowhere:page" "Nowhere" "home" %}{% endnav_section %}')

    assert html == ""


def test_the_page_one_is_on_is_marked(settings):
    settings.ROOT_URLCONF = "allauth.urls"
    request = RequestFactory().get("/login/")

    html = render('{% tab "account_login" "Sign in" %}{% tab "account_logout" "Out" %}', request=request)

    assert html.count("aria-current") == 1


class NoteForm(FactoryForm):
    text = forms.CharField(widget=forms.Textarea, help_text="A sentence or two.")
    until = forms.DateField(required=False)
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    sure = forms.BooleanField()
    token = forms.CharField(widget=forms.HiddenInput, required=False)


def test_form_shows_help_and_marks_what_is_optional():
    html = str(NoteForm())

    assert "error-summary" not in html
    assert html.count('class="field-optional"') == 1
    assert 'aria-describedby="id_text_helptext"' in html
    assert '<input type="date"' in html
    assert html.count('name="token"') == 1


def test_form_with_errors_leads_to_its_fields():
    html = str(NoteForm(QueryDict("until=soon")))

    assert "these 4 things" in html
    for target in ("id_text", "id_until", "id_kind_0", "id_sure"):
        assert f'href="#{target}"' in html
        assert f'id="{target}"' in html
    assert 'aria-describedby="id_text_helptext id_text_error"' in html
    assert 'id="id_text_error"' in html


def test_form_groups_fields_under_legends():
    class Grouped(NoteForm):
        fieldsets = [("What", ["text"]), ("When", ["until"])]

    assert [(group.legend, len(group.fields)) for group in Grouped().grouped()] == [("What", 1), ("When", 1), ("", 2)]


def test_a_refusal_is_shown_beside_the_field_it_names():
    form = NoteForm(QueryDict("text=x"))

    add_refusal(form, RuleViolation("Too late.", field="until", help="Ask the owner."))
    add_refusal(form, RuleViolation("Not now.", field="elsewhere"))

    assert form.errors["until"] == ["Too late. Ask the owner."]
    assert form.non_field_errors() == ["Not now."]


@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "404.html", "409.html", "500.html"])
def test_pages_of_last_resort_need_no_context(template):
    assert "<h1>" in get_template(template).render()
