# CloudFront's log through CloudWatch's delivery, which needs no access list on the bucket.
resource "aws_cloudwatch_log_delivery_source" "this" {
  for_each = var.access_log == null ? {} : { this = var.access_log }

  name         = "${var.name}-edge"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
  tags         = var.tags
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  for_each = var.access_log == null ? {} : { this = var.access_log }

  name          = "${var.name}-edge"
  output_format = "json"
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = "${each.value.bucket_arn}/edge"
  }
}

resource "aws_cloudwatch_log_delivery" "this" {
  for_each = var.access_log == null ? {} : { this = var.access_log }

  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[each.key].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this[each.key].arn
  tags                     = var.tags

  s3_delivery_configuration {
    suffix_path                 = "/{yyyy}/{MM}/{dd}"
    enable_hive_compatible_path = false
  }
}
