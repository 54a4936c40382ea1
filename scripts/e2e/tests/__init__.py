"""End-to-end tests on local stacks. Each stack is a session fixture in `stacks/`."""
