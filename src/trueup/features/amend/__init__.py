"""`amend`: rewrite the metadata of wheels, dist-info folders and sdists; byte-exact otherwise."""

from trueup.features.amend.amend import Amended, Place, Plan, plan, write
from trueup.features.amend.declared import (
    Declared,
    find_declaration,
    read_declaration,
    versions_in,
)
from trueup.features.amend.identity import Identity, Naming
from trueup.features.amend.ledger import Patches
from trueup.features.amend.operations import (
    AddRequires,
    Operation,
    RemoveRequires,
    SetRequiresPython,
)
from trueup.features.amend.reconcile import Reconcile
from trueup.features.amend.subject import Kind, Subject, open_subjects

__all__ = [
    "AddRequires",
    "Amended",
    "Declared",
    "Identity",
    "Kind",
    "Naming",
    "Operation",
    "Patches",
    "Place",
    "Plan",
    "Reconcile",
    "RemoveRequires",
    "SetRequiresPython",
    "Subject",
    "find_declaration",
    "open_subjects",
    "plan",
    "read_declaration",
    "versions_in",
    "write",
]
