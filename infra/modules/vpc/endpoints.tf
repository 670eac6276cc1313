data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.name

  gateway_actions = {
    s3       = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"]
    dynamodb = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"]
  }
}

# The way out is for this account's own data: a stolen key of another account leads nowhere.
data "aws_iam_policy_document" "gateway" {
  for_each = local.gateway_actions

  statement {
    sid       = "ThisAccountsData"
    actions   = each.value
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  # The layers of container images lie in a bucket of AWS.
  dynamic "statement" {
    for_each = each.key == "s3" ? ["arn:${local.partition}:s3:::prod-${local.region}-starport-layer-bucket/*"] : []

    content {
      sid       = "ImageLayers"
      actions   = ["s3:GetObject"]
      resources = [statement.value]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateway_actions

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  policy            = data.aws_iam_policy_document.gateway[each.key].json
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

locals {
  # Associations of their own, by zone: a zone more is one association more.
  gateway_routes = merge([for service in keys(local.gateway_actions) : merge(
    { "${service}-public" = { service = service, table = aws_route_table.public.id } },
    { for zone in var.availability_zones : "${service}-${zone}" => { service = service, table = aws_route_table.private[zone].id } }
  )]...)
}

resource "aws_vpc_endpoint_route_table_association" "gateway" {
  for_each = local.gateway_routes

  vpc_endpoint_id = aws_vpc_endpoint.gateway[each.value.service].id
  route_table_id  = each.value.table
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.this["endpoints"].id]
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
