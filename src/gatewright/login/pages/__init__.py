"""Pages of the sign-in slice."""

from gatewright.login.pages import invitation, sign_in, start

routes = [*start.routes, *sign_in.routes, *invitation.routes]
