"""The block `modules/settings` alone, with types that no system has yet: lists and maps of objects, and deep nesting."""

from __future__ import annotations

from ..offline import Offline

TYPE = """
variable "written" {
  type = any
}
variable "settings" {
  type = object({
    name     = optional(string)
    memory_mb = optional(number)
    parties = optional(list(object({
      name = optional(string)
      contact = optional(object({ owner_emails = optional(list(string), []), phone = optional(string) }), {})
    })), [])
    sources = optional(map(object({
      path   = optional(string)
      window = optional(object({ field = optional(string), days = optional(number) }))
      steps  = optional(list(object({ kind = optional(string), limits = optional(map(object({ max_items = optional(number) })), {}) })), [])
    })), {})
    a = optional(object({ b = optional(object({ c = optional(object({ d = optional(object({ e = optional(object({ last_one = optional(string) }), {}) }), {}) }), {}) }), {}) }), {})
  })
}
module "settings" {
  source   = "../settings"
  system   = "lake"
  written  = var.written
  settings = var.settings
  former   = { "parties[].region" = "the Region is that of the provider; remove it" }
  names    = { "queue" = { kind = "queue", name = coalesce(var.settings.name, "lake"), attribute = "name" } }
}
output "settings" {
  value = module.settings.settings
}
"""
VALUES = """
resource "terraform_data" "text" {
  input = "some-name"
}
resource "terraform_data" "party" {
  input = { name = "some-name" }
}
"""
TEXT = "${terraform_data.text.output}"
DEEP = {"b": {"c": {"d": {"e": {"last_one": "x"}}}}}


def faults(settings_only: Offline, name: str, *written: dict | str) -> list[str]:
    module = settings_only.root / "modules" / "lake"
    module.mkdir(exist_ok=True)
    (module / "main.tf").write_text(TYPE)
    calls = {f"case_{n}": {"source": "lake", "written": one, "settings": one} for n, one in enumerate(written)}
    found = settings_only.plan(name, calls, VALUES, provider="").errors()
    return sorted(line for error in found for line in error.splitlines())


def test_good_values_are_accepted(settings_only: Offline) -> None:
    good = {
        "name": TEXT,
        "memory_mb": 128,
        "parties": [{"name": "one", "contact": {"owner_emails": ["a@example.org"]}}, {"name": TEXT}],
        "sources": {
            "one.two": {"path": TEXT, "window": {"field": "at", "days": 1}},
            "other": {"steps": [{"kind": "page", "limits": {"daily": {"max_items": 3}}}]},
        },
        "a": DEEP,
    }
    unknown = {"parties": ["${terraform_data.party.output}"], "sources": {"one": {"window": None, "path": TEXT}}}
    secret = {"name": '${sensitive("lake")}', "parties": '${sensitive([{ name = "one" }])}'}
    assert faults(settings_only, "block-good", good, unknown, secret, {}) == []


def test_misspelt_attributes_in_lists_and_maps_of_objects(settings_only: Offline) -> None:
    written = {
        "parties": [{"name": "one"}, {"nam": "two", "contact": {"owner_email": [], "phon": TEXT}, "region": "x"}],
        "sources": {
            "one": {"pth": TEXT, "window": {"feild": "at"}},
            "other": {"steps": [{}, {"limits": {"daily": {"maxItems": 3}, "hourly": {"max-items": 3}}}]},
        },
        "a": {"b": {"c": {"d": {"e": {"lastone": "x"}, "f": 1}}}},
    }
    assert faults(settings_only, "block-typos", written) == sorted(
        [
            "`lake.parties[1].nam` is not an attribute; did you mean `name`?",
            "`lake.parties[1].contact.owner_email` is not an attribute; did you mean `owner_emails`?",
            "`lake.parties[1].contact.phon` is not an attribute; did you mean `phone`?",
            "`lake.parties[1].region` is not an attribute any more: the Region is that of the provider; remove it.",
            "`lake.sources.one.pth` is not an attribute; did you mean `path`?",
            "`lake.sources.one.window.feild` is not an attribute; did you mean `field`?",
            "`lake.sources.other.steps[1].limits.daily.maxItems` is not an attribute; did you mean `max_items`?",
            "`lake.sources.other.steps[1].limits.hourly.max-items` is not an attribute; did you mean `max_items`?",
            "`lake.a.b.c.d.e.lastone` is not an attribute; did you mean `last_one`?",
            "`lake.a.b.c.d.f` is not an attribute; `lake.a.b.c.d` has `e`.",
        ]
    )


def test_common_rules_apply_in_lists_of_objects(settings_only: Offline) -> None:
    written = {"parties": [{}, {"contact": {"owner_emails": ["a"]}}], "memory_mb": 1}
    [emails, memory] = faults(settings_only, "block-rules", written)
    assert emails.startswith("`lake.memory_mb` must be between 128") and "parties[1].contact.owner_emails` contains" in memory


def test_faults_of_sensitive_values_are_reported(settings_only: Offline) -> None:
    """With the path, and without the value."""
    written = {
        "memory_mb": "${sensitive(1)}",
        "nam": '${sensitive("secret-name")}',
        "parties": '${sensitive([{ nam = "secret-name" }])}',
        "sources": {"one": '${sensitive({ pth = "secret-name" })}'},
    }
    found = faults(settings_only, "block-sensitive", written)
    assert found == [
        "`lake.memory_mb` must be between 128 and 10240, the limits of Lambda.",
        "`lake.nam` is not an attribute; did you mean `name`?",
        "`lake.parties[0].nam` is not an attribute; did you mean `name`?",
        "`lake.sources.one.pth` is not an attribute; did you mean `path`?",
    ]
