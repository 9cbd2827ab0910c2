"""People, the lists they are on, what happened to them, the numbers that must never be messaged, and uploaded sheets."""

from contacts.models.blocklist import BlocklistEntry
from contacts.models.events import ContactEvent
from contacts.models.imports import ImportChange, ImportedRow, ListImport
from contacts.models.merges import ContactMerge, OtherNumber
from contacts.models.people import Contact, ContactList, ContactListMember

__all__ = [
    "BlocklistEntry",
    "Contact",
    "ContactEvent",
    "ContactList",
    "ContactListMember",
    "ContactMerge",
    "ImportChange",
    "ImportedRow",
    "ListImport",
    "OtherNumber",
]
