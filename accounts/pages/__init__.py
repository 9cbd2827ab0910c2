"""Pages of accounts: signing in, one's own account, the settings of an organization, and pages for when it fails."""

from accounts.pages.errors import bad_request, csrf_failure, forbidden, not_found, server_error
from accounts.pages.sign_in import start

__all__ = ["bad_request", "csrf_failure", "forbidden", "not_found", "server_error", "start"]
