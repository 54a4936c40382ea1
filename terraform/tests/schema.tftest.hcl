# The contents of the schema of music items. Validation of items against it is tested in lambdas/ingest.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment  = "dev"
  region       = "eu-central-1"
  account_id   = "111122223333"
  alarm_emails = ["ops@example.org"]

  schema = jsondecode(file("examples/eventpulse/music-item.schema.json"))
}

run "music_item" {
  command = plan

  assert {
    condition     = var.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema" && startswith(var.schema["$id"], "urn:")
    error_message = "the schema must use JSON Schema 2020-12 and an $id that is not a URL"
  }

  assert {
    condition     = var.schema.required == ["ArtistID", "ItemID"]
    error_message = "the table's key attributes must be required"
  }

  # Each attribute is an object with one required type tag and no other property.
  assert {
    condition = {
      for name, attribute in var.schema.properties : name => [
        for shape in [try(var.schema["$defs"][trimprefix(attribute["$ref"], "#/$defs/")], attribute)] :
        "${join(",", shape.required)} ${join(",", keys(shape.properties))} ${shape.additionalProperties}"
      ][0]
      } == {
      ArtistID   = "S S false"
      ItemID     = "S S false"
      EntityType = "S S false"
      Title      = "S S false"
      Duration   = "N N false"
      Streams    = "N N false"
      Year       = "N N false"
      Features   = "L L false"
    }
    error_message = "an attribute must have exactly one type tag"
  }

  assert {
    condition     = var.schema.additionalProperties == false
    error_message = "an undeclared attribute must be an error"
  }

  # A list with untyped members, such as `{"L": ["Knock2"]}`, is invalid.
  assert {
    condition     = var.schema.properties.Features.properties.L.items == { "$ref" = "#/$defs/text" }
    error_message = "members of a list must have a type tag too"
  }

  assert {
    condition     = var.schema.properties.EntityType.properties.S.enum == ["Track", "Album"]
    error_message = "EntityType must be Track or Album"
  }

  assert {
    condition = {
      for id in ["TRACK#BLIND", "ALBUM#4EVR", "TRACK#", "track#BLIND", "Track#BLIND", "SONG#BLIND", "BLIND"] :
      id => can(regex(var.schema.properties.ItemID.properties.S.pattern, id))
    } == { "TRACK#BLIND" = true, "ALBUM#4EVR" = true, "TRACK#" = false, "track#BLIND" = false, "Track#BLIND" = false, "SONG#BLIND" = false, "BLIND" = false }
    error_message = "ItemID must be TRACK# or ALBUM# followed by a title"
  }

  assert {
    condition = {
      for number in ["216", "-1", "7.5e6", "1E-130", ".5", "", "NaN", "0x10", "1,000", "1e", " 1", "--1"] :
      number => can(regex(var.schema["$defs"].number.properties.N.pattern, number))
    } == { "216" = true, "-1" = true, "7.5e6" = true, "1E-130" = true, ".5" = true, "" = false, "NaN" = false, "0x10" = false, "1,000" = false, "1e" = false, " 1" = false, "--1" = false }
    error_message = "a number must be a string of decimal digits"
  }
}
