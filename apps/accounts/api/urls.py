from django.urls import path

from . import views

app_name = "accounts-api"

urlpatterns = [
    path("me/", views.Me.as_view(), name="me"),
    path("people/", views.PeopleList.as_view(), name="people"),
    path("teams/", views.TeamList.as_view(), name="teams"),
    path("teams/<int:pk>/", views.TeamDetail.as_view(), name="team"),
    path("teams/<int:pk>/members/", views.TeamMembers.as_view(), name="team-members"),
    path("teams/<int:pk>/members/<str:username>/", views.TeamMember.as_view(), name="team-member"),
    path("tokens/", views.TokenList.as_view(), name="tokens"),
    path("tokens/<uuid:uid>/", views.TokenDetail.as_view(), name="token"),
    path("invitations/", views.InvitationList.as_view(), name="invitations"),
    path("invitations/<int:pk>/", views.InvitationDetail.as_view(), name="invitation"),
    path("invitations/<int:pk>/resend/", views.InvitationResend.as_view(), name="invitation-resend"),
    path("invitations/<int:pk>/withdraw/", views.InvitationWithdraw.as_view(), name="invitation-withdraw"),
    path("accounts/", views.AccountList.as_view(), name="accounts"),
    path("accounts/<str:username>/", views.AccountDetail.as_view(), name="account"),
    path("accounts/<str:username>/deactivate/", views.AccountDeactivate.as_view(), name="account-deactivate"),
    path("accounts/<str:username>/reactivate/", views.AccountReactivate.as_view(), name="account-reactivate"),
    path("accounts/<str:username>/org-roles/", views.OrgRoleGrant.as_view(), name="org-roles"),
    path("accounts/<str:username>/org-roles/<str:role>/", views.OrgRoleWithdraw.as_view(), name="org-role"),
]
