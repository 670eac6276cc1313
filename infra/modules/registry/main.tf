# What an operator fills before anything runs: images, and the keys that sign a client's state.
data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  functions = "arn:${data.aws_partition.this.partition}:lambda:${data.aws_region.this.name}:${local.account}:function:${var.name}-*"
}

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection
  tags                 = merge(var.tags, { Name = var.name })

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

# Whoever deploys pulls as itself; Lambda looks again whenever it needs the image.
data "aws_iam_policy_document" "pull" {
  statement {
    sid     = "FunctionsOfThisProductPull"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.functions]
    }
  }
}

resource "aws_ecr_repository_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy     = data.aws_iam_policy_document.pull.json
}

# A running digest must stay: the newest images do, and what lost its tag ends soon.
resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers of broken pushes"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = var.untagged_days }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest images"
        selection    = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = var.images }
        action       = { type = "expire" }
      },
    ]
  })
}

# The file that the edge is built from. Its content is put by hand, so that no key is in the state.
resource "aws_secretsmanager_secret" "edge" {
  #checkov:skip=CKV2_AWS_57:the edge's package holds the same keys, so both change together: docs/operations/secrets.md
  name                    = "${var.name}-edge"
  description             = "Keys of the edge and the region: the file that python -m edge.build takes"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.deletion_protection ? 30 : 0
  tags                    = merge(var.tags, { Name = "${var.name}-edge" })
}
