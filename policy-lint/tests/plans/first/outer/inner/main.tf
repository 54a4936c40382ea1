variable "name" {
  type = string
}

resource "aws_sqs_queue" "jobs" {
  name_prefix = "jobs-"
}

data "aws_iam_policy_document" "send" {
  statement {
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.jobs.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_sqs_queue_policy" "send" {
  queue_url = aws_sqs_queue.jobs.url
  policy    = data.aws_iam_policy_document.send.json
}

resource "aws_iam_role_policy_attachment" "admin" {
  role       = "someone-${var.name}"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
