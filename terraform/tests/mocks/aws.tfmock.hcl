mock_data "aws_partition" {
  defaults = {
    partition  = "aws"
    dns_suffix = "amazonaws.com"
  }
}

mock_data "aws_region" {
  defaults = {
    id   = "eu-central-1"
    name = "eu-central-1"
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "444455556666"
  }
}

# Set at plan time, because a check reads it and a test fails if the result of a check is unknown.
mock_resource "aws_sns_topic_subscription" {
  override_during = plan
  defaults = {
    pending_confirmation = false
  }
}
