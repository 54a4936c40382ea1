"""End-to-end tests: one apply on a fresh local stack for the whole session.

Ids of capabilities (003.x) stand beside what shows them.
"""
