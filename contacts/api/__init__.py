"""Contacts, lists, imports and the blocklist by REST."""

VIEW, MANAGE = "contacts.view", "contacts.manage"
