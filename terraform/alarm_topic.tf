# The SNS topic that every CloudWatch alarm of the deployment publishes to.

locals {
  # Used in `aws:SourceArn` conditions: any alarm whose name starts with the deployment's name.
  alarm_arn_pattern = "arn:${data.aws_partition.this.partition}:cloudwatch:${var.region}:${local.account_id}:alarm:${local.name}-*"
}

module "alarm_topic" {
  source = "./modules/topic"

  deployment = {
    partition  = data.aws_partition.this.partition
    region     = var.region
    account_id = local.account_id
  }
  name    = "${local.name}-alarms"
  key_arn = local.key.arn
  emails  = var.alarm_emails

  publishers = {
    PublishAlarm = {
      service    = "cloudwatch.amazonaws.com"
      source_arn = local.alarm_arn_pattern
    }
  }
}
