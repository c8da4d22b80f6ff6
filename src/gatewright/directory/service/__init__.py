"""The directory's verbs. Others import them from here."""

from gatewright.directory.service.companies import (
    change_company,
    change_project,
    create_company,
    create_project,
    declare_tool,
    ensure_builtin_tools,
)
from gatewright.directory.service.contacts import add_contact, change_contact, edit_contact, join_user, remove_contact
from gatewright.directory.service.levels import (
    clear_permissions,
    end_membership,
    save_levels,
    set_levels,
    set_membership,
)
from gatewright.directory.service.operated import add_admin, found_company, set_operator
from gatewright.directory.service.templates import (
    assign_template,
    change_template,
    create_template,
    remove_template,
    save_template,
)
from gatewright.directory.service.users import (
    change_user,
    create_user,
    deactivate_user,
    reactivate_user,
    set_user_password_hash,
)

__all__ = [
    "add_admin",
    "add_contact",
    "assign_template",
    "change_company",
    "change_contact",
    "change_project",
    "change_template",
    "change_user",
    "clear_permissions",
    "create_company",
    "create_project",
    "create_template",
    "create_user",
    "deactivate_user",
    "declare_tool",
    "edit_contact",
    "end_membership",
    "ensure_builtin_tools",
    "found_company",
    "join_user",
    "reactivate_user",
    "remove_contact",
    "remove_template",
    "save_levels",
    "save_template",
    "set_levels",
    "set_membership",
    "set_operator",
    "set_user_password_hash",
]
