locals {
  # A zone's place in the address plan is its letter: a → 0, b → 1. Public subnets take the lower
  # eight sixteenths, private ones the upper eight.
  letters = ["a", "b", "c", "d", "e", "f", "g", "h"]
  place   = { for zone in var.availability_zones : zone => index(local.letters, substr(zone, length(zone) - 1, 1)) }

  nat_zones = {
    per_zone = var.availability_zones
    single   = slice(var.availability_zones, 0, 1)
    none     = []
  }[var.nat]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = var.name })
}

# Nothing uses the default group, and it lets nothing through.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${var.name}-default-closed" })
}

resource "aws_subnet" "public" {
  for_each = local.place

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, each.value)
  map_public_ip_on_launch = false
  tags                    = merge(var.tags, { Name = "${var.name}-public-${each.key}", Tier = "public" })
}

resource "aws_subnet" "private" {
  for_each = local.place

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, 8 + each.value)
  tags              = merge(var.tags, { Name = "${var.name}-private-${each.key}", Tier = "private" })
}
