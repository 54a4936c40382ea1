# The least that is a whole ingest: everything else has a default.
environment = "dev"
region      = "eu-central-1"
ingest      = {}
