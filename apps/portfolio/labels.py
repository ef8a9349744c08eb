"""The words of this room in the timeline."""

from apps.audit.labels import Act, acts

acts({"export.portfolio": Act("Exported the portfolio", "download")})
