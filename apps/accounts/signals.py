"""How the rooms above hear of changes to people without accounts knowing them. Sent inside the transaction."""

from django.dispatch import Signal

# user, team, by: the person has the team's roles from now on
team_joined = Signal()
# user, team, by: the person lost the roles that the team gave
team_left = Signal()
# user, by: the account was switched off or on (``user.is_active`` says which)
activity_changed = Signal()
# user, role, by, granted: an organisation-wide role was given or withdrawn
org_role_changed = Signal()
