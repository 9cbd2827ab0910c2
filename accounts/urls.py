"""Addresses of accounts: those of a person under `/accounts/`, those of an organization under `/o/<organization>/`."""

from django.urls import path

from accounts.pages import profile, settings, sign_in

app_name = "accounts"

urlpatterns = [
    path("login", sign_in.sign_in, name="login"),
    path("logout", sign_in.sign_out, name="logout"),
    path("password-reset", sign_in.forgotten_password, name="password_reset"),
    path("password-reset/sent", sign_in.forgotten_password_sent, name="password_reset_done"),
    path("password-reset/<uidb64>/<token>", sign_in.NewPassword.as_view(), name="password_reset_confirm"),
    path("password-reset/done", sign_in.password_changed, name="password_reset_complete"),
    path("profile", profile.profile, name="profile"),
    path("password", profile.change_password, name="change_password"),
]

organization_urlpatterns = [
    path("settings", settings.organization_settings, name="settings"),
    path("settings/members", settings.members, name="members"),
    path("settings/members/invite", settings.invite, name="invite"),
    path("settings/members/<int:membership_id>/role", settings.change_role, name="change_role"),
    path("settings/members/<int:membership_id>/remove", settings.remove_member, name="remove_member"),
    path("settings/api-keys", settings.api_keys, name="api_keys"),
    path("settings/api-keys/new", settings.new_api_key, name="new_api_key"),
    path("settings/api-keys/<int:key_id>/revoke", settings.revoke_api_key, name="revoke_api_key"),
]
