"""Pages about the ownership of domains: the code that proves it, where it may be, and a button that looks for it."""

from postreeve.domains.pages import domain_tabs
from postreeve.web.pages import N_, Ask, Redirect, Shown, View, page


@page("GET /domains/<domain>/ownership", title=N_("Ownership"))
def show_ownership(ask: Ask, name: str) -> View:
    proofs = ask.run("GET /api/domain/ownership/<domain>", name)
    values = {"name": name, "proofs": proofs, "around": domain_tabs(ask, name, "ownership")}
    return Shown("ownership/proofs.html", values, name)


@page("POST /domains/<domain>/ownership", title=N_("Ownership"))
def verify_ownership(ask: Ask, name: str) -> View:
    alias = ask.typed("aliasDomain")
    which = {"aliasDomain": alias} if alias else {}
    belief = {"without_proof": "yes"} if ask.typed("without_proof") else {}
    awaited = ask.run("GET /api/domain/ownership/<domain>", name)
    ask.run("POST /api/domain/ownership/<domain>", name, **which, **belief)
    said = ask._("%(name)s is verified, and active now.", name=alias or name)
    if alias not in {proof["alias_domain"] for proof in awaited}:
        said = ask._("Nothing has to be proved.")
    return Redirect(f"/domains/{name}/ownership", said)
