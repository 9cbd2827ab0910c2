"""Variants of a batch's text: `plans` says what is compared and how, `assignment` who gets which, `rendering` what each
one reads.

Everything here is about batches that have variants; the others pay nothing for it.
"""
