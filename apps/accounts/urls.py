from django.urls import path
from django.views.generic import RedirectView

from .views import invitations, people, profile, teams

app_name = "accounts"

urlpatterns = [
    path("profile/", profile.profile, name="profile"),
    path("profile/email/", profile.email, name="email"),
    path("profile/tokens/", profile.token_list, name="token-list"),
    path("profile/tokens/<uuid:uid>/revoke/", profile.token_revoke, name="token-revoke"),
    path("people/", people.people_list, name="people-list"),
    path("people/<uuid:uid>/", people.person, name="person"),
    path("people/<uuid:uid>/switch-off/", people.switch, {"on": False}, name="person-switch-off"),
    path("people/<uuid:uid>/switch-on/", people.switch, {"on": True}, name="person-switch-on"),
    path("people/<uuid:uid>/roles/", people.org_role_grant, name="org-role-grant"),
    path("people/<uuid:uid>/roles/<slug:role>/withdraw/", people.org_role_withdraw, name="org-role-withdraw"),
    path("people/<uuid:uid>/second-factor/reset/", people.second_factor_reset, name="second-factor-reset"),
    path("teams/", teams.team_list, name="team-list"),
    path("teams/new/", teams.team_new, name="team-new"),
    path("teams/<int:pk>/", teams.team, name="team"),
    path("teams/<int:pk>/edit/", teams.team_edit, name="team-edit"),
    path("teams/<int:pk>/members/", teams.member_add, name="team-member-add"),
    path("teams/<int:pk>/members/<uuid:uid>/remove/", teams.member_remove, name="team-member-remove"),
    path("invitations/", invitations.invitation_list, name="invitation-list"),
    path("invitations/new/", invitations.invitation_new, name="invitation-new"),
    path("invitations/<int:pk>/resend/", invitations.invitation_resend, name="invitation-resend"),
    path("invitations/<int:pk>/withdraw/", invitations.invitation_withdraw, name="invitation-withdraw"),
    path("join/<str:token>/", invitations.invitation_accept, name="invitation-accept"),
    # The pages of allauth and of the admin would change these without an entry of the ledger.
    path("accounts/email/", RedirectView.as_view(pattern_name="accounts:email")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
