# The minimum for a complete `ingest`: everything else has a default.
environment = "dev"
region      = "eu-central-1"
ingest      = {}
