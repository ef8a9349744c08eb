"""What people's affairs are called in the history."""

from apps.audit.labels import Act, acts, kind

acts(
    {
        "user.created": Act("Account made", "user-plus"),
        "user.profile_changed": Act("Profile changed", "user"),
        "user.deactivated": Act("Account switched off", "user-off", "blocked"),
        "user.reactivated": Act("Account switched on again", "user-check", "met"),
        "user.second_factor_added": Act("Second factor enrolled", "fingerprint"),
        "user.second_factor_removed": Act("Second factor removed", "fingerprint", "warn"),
        "user.second_factor_renewed": Act("Recovery codes made anew", "fingerprint"),
        "user.second_factor_reset": Act("Second factor removed by an administrator", "fingerprint", "warn"),
        "user.password_changed": Act("Password changed", "lock"),
        "user.password_reset": Act("Password reset by e-mail", "lock", "warn"),
        "signin.succeeded": Act("Signed in", "login"),
        "signin.ended": Act("Signed out", "logout"),
        "signin.failed": Act("Sign-in failed", "alert-triangle", "warn"),
        "confirmation.failed": Act("Wrong password when asked to confirm", "alert-triangle", "warn"),
        "stepup.failed": Act("Wrong password or code when signing", "alert-triangle", "warn"),
        "org_role.granted": Act("Organisation role given: {object}", "shield-check"),
        "org_role.withdrawn": Act("Organisation role withdrawn: {object}", "shield", "warn"),
        "team.created": Act("Team made: {object}", "users"),
        "team.changed": Act("Team renamed: {object}", "users"),
        "team.member_added": Act("Somebody joined {object}", "user-plus"),
        "team.member_removed": Act("Somebody left {object}", "user-off"),
        "invitation.sent": Act("Invitation sent to {object}", "mail"),
        "invitation.resent": Act("Invitation sent again to {object}", "mail"),
        "invitation.withdrawn": Act("Invitation withdrawn: {object}", "x", "warn"),
        "invitation.accepted": Act("Invitation accepted", "user-check", "met"),
        "token.created": Act("API token made: {object}", "key"),
        "token.revoked": Act("API token revoked: {object}", "key", "warn"),
    }
)
kind("accounts.user", name=("full_name",), url="accounts:person", hidden=frozenset({"password", "last_login"}))
kind("accounts.team", name=("name",), url="accounts:team", url_args=("pk",), labels={"user_id": "Member"})
kind("accounts.organisationrole", name=("role", "user_id"))
kind("accounts.invitation", name=("email",))
kind("accounts.apitoken", name=("name",))
