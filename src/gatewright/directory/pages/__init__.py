"""The directory's pages: a company's overview and settings, its directory, contacts, templates and projects."""

from starlette.routing import Route

from gatewright.directory.pages import (
    contact,
    directory,
    operator_companies,
    operator_tools,
    operator_users,
    overview,
    projects,
    templates,
)

COMPANY = "/companies/{company_id}"
DIRECTORY = f"{COMPANY}/directory"
CONTACT = f"{DIRECTORY}/{{contact_id}}"
PROJECTS = f"{COMPANY}/projects"
PROJECT = f"{PROJECTS}/{{project_id}}"
TEMPLATES = f"{COMPANY}/templates"
TEMPLATE = f"{TEMPLATES}/{{template_id}}"
OPERATED_COMPANY = f"{operator_companies.PATH}/{{company_id}}"
OPERATED_USER = f"{operator_users.PATH}/{{user_id}}"

routes = [
    Route(COMPANY, overview.show, methods=["GET"]),
    Route(f"{COMPANY}/settings", overview.show_settings, methods=["GET"]),
    Route(f"{COMPANY}/settings", overview.save_settings, methods=["POST"]),
    Route(DIRECTORY, directory.show, methods=["GET"]),
    Route(DIRECTORY, directory.add, methods=["POST"]),
    Route(CONTACT, contact.show, methods=["GET"]),
    Route(CONTACT, contact.save_levels, methods=["POST"]),
    Route(f"{CONTACT}/edit", contact.edit, methods=["POST"]),
    Route(f"{CONTACT}/template", contact.set_template, methods=["POST"]),
    Route(f"{CONTACT}/invite", contact.invite, methods=["POST"]),
    Route(f"{CONTACT}/remove", contact.remove, methods=["POST"]),
    Route(f"{CONTACT}/projects", contact.join_project, methods=["POST"]),
    Route(f"{CONTACT}/projects/{{project_id}}/remove", contact.leave_project, methods=["POST"]),
    Route(TEMPLATES, templates.show_all, methods=["GET"]),
    Route(TEMPLATES, templates.create, methods=["POST"]),
    Route(TEMPLATE, templates.show, methods=["GET"]),
    Route(TEMPLATE, templates.save, methods=["POST"]),
    Route(f"{TEMPLATE}/preview", templates.preview, methods=["GET"]),
    Route(f"{TEMPLATE}/delete", templates.delete, methods=["POST"]),
    Route(PROJECTS, projects.show_all, methods=["GET"]),
    Route(PROJECTS, projects.create, methods=["POST"]),
    Route(PROJECT, projects.show, methods=["GET"]),
    Route(PROJECT, projects.save, methods=["POST"]),
    Route(f"{PROJECT}/contacts", projects.put_on, methods=["POST"]),
    Route(f"{PROJECT}/contacts/{{contact_id}}/remove", projects.take_off, methods=["POST"]),
    Route(operator_companies.PATH, operator_companies.show_all, methods=["GET"]),
    Route(operator_companies.PATH, operator_companies.create, methods=["POST"]),
    Route(OPERATED_COMPANY, operator_companies.show, methods=["GET"]),
    Route(f"{OPERATED_COMPANY}/name", operator_companies.rename, methods=["POST"]),
    Route(f"{OPERATED_COMPANY}/admins", operator_companies.add_admin, methods=["POST"]),
    Route(f"{OPERATED_COMPANY}/admins/{{contact_id}}/invite", operator_companies.invite, methods=["POST"]),
    Route(operator_users.PATH, operator_users.show_all, methods=["GET"]),
    Route(OPERATED_USER, operator_users.show, methods=["GET"]),
    Route(f"{OPERATED_USER}/deactivate", operator_users.deactivate, methods=["POST"]),
    Route(f"{OPERATED_USER}/reactivate", operator_users.reactivate, methods=["POST"]),
    Route(f"{OPERATED_USER}/make-operator", operator_users.make_operator, methods=["POST"]),
    Route(f"{OPERATED_USER}/unmake-operator", operator_users.unmake_operator, methods=["POST"]),
    Route(operator_tools.PATH, operator_tools.show, methods=["GET"]),
    Route(operator_tools.PATH, operator_tools.declare, methods=["POST"]),
    Route(f"{operator_tools.PATH}/name", operator_tools.rename, methods=["POST"]),
]
