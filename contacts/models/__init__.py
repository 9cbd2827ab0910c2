"""People, the lists they are on, what happened to them, the numbers that must never be messaged, and uploaded sheets."""

from contacts.models.blocklist import AskedBy, BlocklistEntry, OptOutEvent
from contacts.models.consent import Consent, ConsentChange
from contacts.models.erasure import ErasedNumber, Erasure
from contacts.models.events import ContactEvent
from contacts.models.fields import AttributeDefinition, AttributeKind
from contacts.models.imports import ImportChange, ImportedRow, ListImport
from contacts.models.merges import ContactMerge, OtherNumber
from contacts.models.people import Contact, ContactList, ContactListMember
from contacts.models.segments import Segment
from contacts.models.settings import ContactSettings

__all__ = [
    "AskedBy",
    "AttributeDefinition",
    "AttributeKind",
    "BlocklistEntry",
    "Consent",
    "ConsentChange",
    "Contact",
    "ContactEvent",
    "ContactList",
    "ContactListMember",
    "ContactMerge",
    "ContactSettings",
    "ErasedNumber",
    "Erasure",
    "ImportChange",
    "ImportedRow",
    "ListImport",
    "OptOutEvent",
    "OtherNumber",
    "Segment",
]
