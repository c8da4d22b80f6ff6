"""How an account begins, joins, is recovered and moves."""

from tests.pages.samples.parts import Context, Names, Pages, frame, signed_out

RULE = "At least 12 characters. Several words that do not belong together are best."
WEAK = "This is close to a password that many people use. Take several words that do not belong together."


def beginnings(names: Names) -> Pages:
    """Yield the pages behind an invitation and a sign-up."""
    out = signed_out(names)
    company = {"email": names.email, "company": names.company, "role": None}
    plain: Context = {"is_to_viewer": False, "as_known": False, "form": {}, "errors": {}, "rule": RULE}
    page = "login/invitation.html"
    yield "invitation", page, {**out, **plain, "invitation": company}
    by_operator = {**company, "company": None, "role": "operator"}
    yield "invitation_by_operator", page, {**out, **plain, "invitation": by_operator}
    yield "invitation_to_viewer", page, {**frame(names), **plain, "invitation": company, "is_to_viewer": True}
    yield "invitation_as_somebody_else", page, {**frame(names), **plain, "invitation": company}
    failed = {"form": {"name": names.user}, "errors": {"password": WEAK}}
    yield "invitation_failed", page, {**out, **plain, "invitation": company, **failed}
    unknown = {"as_known": True, "errors": {"": "This password does not open an account with this address."}}
    yield "invitation_not_known", page, {**out, **plain, "invitation": company, **unknown}
    begin: Context = {**out, "email": names.email, "rule": RULE, "form": {}, "errors": {}}
    yield "sign_up_begin", "login/begin.html", begin
    yield "sign_up_begin_failed", "login/begin.html", {**begin, **failed}
    asked: Context = {**out, "form": {}, "errors": {}, "is_sent": False}
    for name in ("sign_up", "forgotten"):
        yield name, f"login/{name}.html", asked
        yield f"{name}_sent", f"login/{name}.html", {**asked, "form": {"email": names.email}, "is_sent": True}


def recoveries(names: Names) -> Pages:
    """Yield the pages of a lost password and of a new address."""
    reset: Context = {**signed_out(names), "email": names.email, "rule": RULE, "form": {}, "errors": {}}
    yield "reset", "login/reset.html", reset
    yield "reset_failed", "login/reset.html", {**reset, "errors": {"password": WEAK}}
    mine = frame(names, "account", "Security")
    address: Context = {
        **mine,
        "has_mail": True,
        "is_proven": True,
        "email": names.email,
        "form": {"email": ""},
        "errors": {},
    }
    yield "address", "account/address.html", address
    wrong = {"is_proven": False, "errors": {"current_password": "This is not your password."}}
    yield "address_failed", "account/address.html", {**address, **wrong}
    yield "address_without_mail", "account/address.html", {**address, "has_mail": False}
    proof: Context = {**frame(names), "email": f"new.{names.email}", "errors": {}}
    yield "address_proof", "account/address_proof.html", proof
    taken = {"errors": {"": "This address cannot be used any more. Nothing was changed."}}
    yield "address_proof_failed", "account/address_proof.html", {**proof, **taken}
