"""The directory's pages: a company's overview, its directory, a contact."""

from starlette.routing import Route

from gatewright.directory.pages import contact, directory, overview

COMPANY = "/companies/{company_id}"
DIRECTORY = f"{COMPANY}/directory"
CONTACT = f"{DIRECTORY}/{{contact_id}}"

routes = [
    Route(COMPANY, overview.show, methods=["GET"]),
    Route(f"{COMPANY}/settings", overview.save_settings, methods=["POST"]),
    Route(DIRECTORY, directory.show, methods=["GET"]),
    Route(DIRECTORY, directory.add, methods=["POST"]),
    Route(CONTACT, contact.show, methods=["GET"]),
    Route(CONTACT, contact.save_levels, methods=["POST"]),
    Route(f"{CONTACT}/edit", contact.edit, methods=["POST"]),
    Route(f"{CONTACT}/remove", contact.remove, methods=["POST"]),
    Route(f"{CONTACT}/projects", contact.join_project, methods=["POST"]),
    Route(f"{CONTACT}/projects/{{project_id}}/remove", contact.leave_project, methods=["POST"]),
]
