"""The words of this room in the timeline."""

from apps.audit.labels import Act, acts, kind

acts(
    {
        "system.registered": Act("System registered", "robot", "met"),
        "system.changed": Act("Facts changed", "edit"),
        "system.tier_set": Act("Risk tier set", "scale"),
        "role.granted": Act("Role given: {object}", "user-plus"),
        "role.withdrawn": Act("Role withdrawn: {object}", "user-off", "warn"),
        "deputy.appointed": Act("Deputy appointed: {object}", "user-check"),
        "deputy.ended": Act("Deputyship ended: {object}", "user-off"),
        "model.registered": Act("Model registered: {object}", "box"),
        "version.registered": Act("Model version registered: {object}", "versions"),
        "version.corrected": Act("Model version corrected: {object}", "versions", "warn"),
        "version.used": Act("Model version in use: {object}", "plug"),
        "version.dropped": Act("Model version no longer used: {object}", "plug", "warn"),
        "sourcerow.created": Act("Taken over from an inventory", "table-import"),
        "import.uploaded": Act("Inventory file uploaded: {object}", "upload"),
        "import.started": Act("Import started: {object}", "table-import"),
        "import.finished": Act("Import finished: {object}", "table-import", "met"),
        "import.failed": Act("Import failed: {object}", "alert-triangle", "blocked"),
    }
)
kind("registry.aisystem", name=("name",), url="portfolio:system", url_args=("slug",), hidden=frozenset({"slug"}))
kind(
    "registry.roleassignment",
    name=("role", "user_id", "team_id"),
    url="registry:system-people",
    url_args=("system__slug",),
    hidden=frozenset({"reason"}),
)
kind(
    "registry.deputyship",
    name=("role", "deputy_id"),
    url="registry:system-people",
    url_args=("system__slug",),
    hidden=frozenset({"reason"}),
)
kind("registry.registeredmodel", name=("name",), url="registry:system-models", url_args=("system__slug",))
kind(
    "registry.modelversion",
    name=("model__name", "number"),
    pattern="{0} v{1}",
    url="registry:system-models",
    url_args=("model__system__slug",),
)
kind("registry.versionuse", name=("model_version_id",), url="registry:system-models", url_args=("system__slug",))
kind("registry.importrun", name=("filename",))
kind(
    "registry.sourcerow",
    name=("number",),
    pattern="row {0}",
    hidden=frozenset({"apart", "identity", "is_current", "namespace", "occurrence", "raw", "raw_sha256"}),
)
