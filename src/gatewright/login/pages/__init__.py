"""Pages of the sign-in slice."""

from gatewright.login.pages import address, invitation, password, security, sessions, sign_in, sign_up, start

routes = [
    *start.routes,
    *sign_in.routes,
    *invitation.routes,
    *password.routes,
    *sign_up.routes,
    *security.routes,
    *address.routes,
    *sessions.routes,
]
