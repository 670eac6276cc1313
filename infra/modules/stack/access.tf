# What the service does with tables, objects and keys, and nothing else.
data "aws_iam_policy_document" "data" {
  statement {
    sid     = "SessionsAndConnections"
    actions = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"]

    resources = flatten([for table in values(var.tables) : [
      "${local.arn}:dynamodb:${local.region}:${local.account}:table/${table}",
      "${local.arn}:dynamodb:${local.region}:${local.account}:table/${table}/index/*",
    ]])
  }

  # Deletion on request takes all versions.
  statement {
    sid       = "Objects"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"]
    resources = [for role in ["raw", "processed"] : "${module.s3.arns[role]}/*"]
  }

  statement {
    sid       = "Models"
    actions   = ["s3:GetObject"]
    resources = ["${module.s3.arns["models"]}/*"]
  }

  statement {
    sid       = "Lists"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [for role in ["raw", "processed", "models"] : module.s3.arns[role]]
  }

  statement {
    sid       = "TheirKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.kms.arns["data"]]
  }

  statement {
    sid       = "Secret"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["${local.arn}:secretsmanager:${local.region}:${local.account}:secret:rds!db-*"]

    # RDS names its secrets by a number of its own; this tag says whose it is.
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/aws:rds:primaryDBInstanceArn"
      values   = ["${local.arn}:rds:${local.region}:${local.account}:db:${var.name}"]
    }
  }
}
