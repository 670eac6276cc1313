resource "aws_acm_certificate" "this" {
  domain_name               = var.domains[0]
  subject_alternative_names = slice(var.domains, 1, length(var.domains))
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"
  tags                      = merge(var.tags, { Name = var.domains[0] })

  options {
    certificate_transparency_logging_preference = "ENABLED"
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  proofs = { for proof in aws_acm_certificate.this.domain_validation_options : proof.domain_name => proof }
}

# The record stays: ACM asks for it again at each renewal. Every region's certificate of a name asks
# for the same record.
resource "aws_route53_record" "proof" {
  for_each = toset(var.domains)

  zone_id         = var.zone_id
  name            = local.proofs[each.key].resource_record_name
  type            = local.proofs[each.key].resource_record_type
  records         = [local.proofs[each.key].resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}
