"""
Bringing an inventory in: read a file, map its rows with a profile, match them with what was imported before.

Nothing here touches the database; ``apps.registry.import_actions`` does, with what these modules say.
"""
