"""Pages of the sign-in slice."""

from gatewright.login.pages import invitation, security, sessions, sign_in, start

routes = [*start.routes, *sign_in.routes, *invitation.routes, *security.routes, *sessions.routes]
