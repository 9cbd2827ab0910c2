"""People, the lists they are on, the numbers that must never be messaged, and uploaded sheets."""

from contacts.models.blocklist import BlocklistEntry
from contacts.models.imports import ImportedRow, ListImport
from contacts.models.people import Contact, ContactList, ContactListMember

__all__ = [
    "BlocklistEntry",
    "Contact",
    "ContactList",
    "ContactListMember",
    "ImportedRow",
    "ListImport",
]
