"""Drives the real Terraform and the real Lambda packages on a local stack, and checks what became of every file."""
