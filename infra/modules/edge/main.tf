data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  # CloudFront's own policies; these ids are the same in every account.
  no_cache         = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" # CachingDisabled
  forward          = "b689b0a8-53d0-40ab-baf2-68738e2966ac" # AllViewerExceptHostHeader
  security_headers = "67f7725c-6f97-4210-82d7-5512b31e9d03" # SecurityHeadersPolicy
}

# There is no origin group: CloudFront fails over GET, HEAD and OPTIONS only, never POST. The function
# hands over by returning the request; where the function itself fails, the client asks the region.
resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV2_AWS_32:a managed policy is attached by its id, which the check does not follow
  #checkov:skip=CKV_AWS_86:the access log goes through CloudWatch's delivery, see logging.tf
  #checkov:skip=CKV_AWS_174:with a certificate of ours TLS 1.2 of 2021 is the least, without one CloudFront decides
  #checkov:skip=CKV_AWS_310:fail-over of origins does not cover POST
  #checkov:skip=CKV_AWS_305:there is no page at the root
  #checkov:skip=CKV_AWS_374:countries are refused by the firewall
  #checkov:skip=CKV2_AWS_42:a certificate is a variable, so that a trial needs no domain
  #checkov:skip=CKV2_AWS_47:the firewall's known bad inputs cover Log4j; it comes as a variable
  comment             = var.name
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2and3"
  price_class         = var.price_class
  aliases             = try(var.domain.names, [])
  web_acl_id          = var.web_acl_arn
  wait_for_deployment = var.wait_for_deployment
  tags                = merge(var.tags, { Name = var.name })

  # The name must resolve before the function runs, even where the function answers itself.
  origin {
    origin_id           = "region"
    domain_name         = var.origin_domain
    connection_attempts = 2
    connection_timeout  = 2

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 30
      origin_keepalive_timeout = 60
    }
  }

  default_cache_behavior {
    target_origin_id           = "region"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = local.no_cache
    origin_request_policy_id   = local.forward
    response_headers_policy_id = local.security_headers
    viewer_protocol_policy     = "https-only"
    compress                   = true
  }

  ordered_cache_behavior {
    path_pattern               = "/anc-process"
    target_origin_id           = "region"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = local.no_cache
    origin_request_policy_id   = local.forward
    response_headers_policy_id = local.security_headers
    viewer_protocol_policy     = "https-only"
    compress                   = false

    lambda_function_association {
      event_type   = "origin-request"
      lambda_arn   = aws_lambda_function.this.qualified_arn
      include_body = true
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  # TLSv1.2_2021 is the strictest policy that the provider offers for CloudFront; TLS 1.3 is taken by
  # every client that knows it. Without a certificate of ours CloudFront sets TLSv1.
  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = try(var.domain.certificate_arn, null)
    ssl_support_method             = var.domain == null ? null : "sni-only"
    minimum_protocol_version       = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
  }
}

locals {
  records = var.domain == null ? {} : merge([for name in var.domain.names : {
    for kind in ["A", "AAAA"] : "${name}-${kind}" => { name = name, kind = kind }
  }]...)
}

resource "aws_route53_record" "this" {
  for_each = local.records

  zone_id = var.domain.zone_id
  name    = each.value.name
  type    = each.value.kind

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}
