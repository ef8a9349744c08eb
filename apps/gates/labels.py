"""The words of this room in the timeline."""

from apps.audit.labels import Act, acts, kind

acts(
    {
        "gate.granted": Act("Gate asked and granted: {object}", "lock-open", "met"),
        "gate.refused": Act("Gate asked and refused: {object}", "lock", "blocked"),
        "system.phase_entered": Act("Moved to another phase", "stairs", "met"),
        "system.suspended": Act("Suspended", "player-pause", "blocked"),
        "system.resumed": Act("Resumption signed", "player-play", "met"),
        "waiver.requested": Act("Waiver asked for: {object}", "gavel"),
        "waiver.approved": Act("Waiver approved: {object}", "gavel", "met"),
        "waiver.refused": Act("Waiver refused: {object}", "gavel", "blocked"),
        "waiver.withdrawn": Act("Waiver withdrawn: {object}", "gavel", "warn"),
    }
)
kind("gates.decision", name=("phase",), url="gates:decision")
kind("gates.waiver", name=("title",), url="gates:waiver", hidden=frozenset({"requirement"}))
kind("gates.suspension", hidden=frozenset({"reason"}))
