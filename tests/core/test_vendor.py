"""The third-party files are those the manifest names, and no page asks for one we do not have."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
VENDOR = ROOT / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "MANIFEST.json").read_text())["packages"]
FILES = [(package["name"], file) for package in PACKAGES for file in package["files"]]
OWN_TEXTS = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "apps").rglob("*.py")]


@pytest.mark.parametrize("name, file", FILES, ids=[file["path"] for _, file in FILES])
def test_vendored_file_is_the_one_in_the_manifest(name, file):
    content = (VENDOR / file["path"]).read_bytes()

    assert hashlib.sha256(content).hexdigest() == file["sha256"], name
    assert len(content) == file["bytes"]


def test_nothing_is_vendored_outside_the_manifest():
    present = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}

    assert present == {file["path"] for _, file in FILES} | {"MANIFEST.json"}


@pytest.mark.parametrize("_, file", FILES)
def test_vendored_file_names_no_source_map(_, file):
    assert b"sourceMappingURL" not in (VENDOR / file["path"]).read_bytes()


def test_every_package_has_its_licence_in_the_notices():
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text()

    for package in PACKAGES:
        assert f"(`{package['name']}`)" in notices
    assert "MIT License" in notices
    assert "SIL OPEN FONT LICENSE Version 1.1" in notices


def _icons_asked_for() -> set[str]:
    tag = re.compile(r'{% icon "([a-z0-9-]+)"')
    argument = re.compile(r'(?:\bicon(?:_name)?|sign)="([a-z][a-z0-9-]*)"')
    nav = re.compile(r'{% nav_link "[^"]*" "[^"]*" "([a-z0-9-]+)"')
    return {
        name for path in OWN_TEXTS for pattern in (tag, argument, nav) for name in pattern.findall(path.read_text())
    }


def test_every_icon_asked_for_is_in_the_sprite():
    sprite = (VENDOR / "icons" / "sprite.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))

    assert _icons_asked_for() - drawn == set(), "name it in scripts/vendor and run that"


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_template_has_nothing_the_content_policy_refuses(path):
    text = path.read_text()

    assert not re.search(r"\sstyle\s*=", text), "inline style"
    assert not re.search(r"\son[a-z]+\s*=", text), "inline event handler"
    assert not re.search(r"<style|hx-on|hx-vals=.js:", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or 'type="application/json"' in script
