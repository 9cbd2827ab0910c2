"""What keeps a number linked: its credentials and Signal keys, encrypted in PostgreSQL.

`encryption` makes and reads the rows' tokens, `rows` is every statement, and `store` gathers what the sessions of a
worker write. Who opens a session with these may write in the number's name: nothing here is logged or shown.
"""

from session_service.auth_state.store import AuthStateStore

__all__ = ["AuthStateStore"]
