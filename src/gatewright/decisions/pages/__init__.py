"""The pages of explanations: why a contact may what it may, which calls were refused, and why."""

from starlette.routing import Route

from gatewright.decisions.pages import company_refusals, explain, own_refusals

REFUSALS = "/companies/{company_id}/refusals"

routes = [
    Route("/companies/{company_id}/directory/{contact_id}/explain", explain.show, methods=["GET"]),
    Route(REFUSALS, company_refusals.show_all, methods=["GET"]),
    Route(f"{REFUSALS}/{{request_id}}", company_refusals.show, methods=["GET"]),
    Route("/developer/refusals", own_refusals.show, methods=["GET"]),
]
