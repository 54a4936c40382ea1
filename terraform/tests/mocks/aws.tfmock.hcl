mock_data "aws_partition" {
  defaults = {
    partition  = "aws"
    dns_suffix = "amazonaws.com"
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "444455556666"
  }
}

# A check looks at it, and a test may not end on a check that only an apply can answer.
mock_resource "aws_sns_topic_subscription" {
  override_during = plan
  defaults = {
    pending_confirmation = false
  }
}
