locals {
  # us-east-1 → use1: names of roles are the account's, so each region needs names of its own.
  words = {
    north     = "n", south = "s", east = "e", west = "w", central = "c"
    northeast = "ne", southeast = "se", northwest = "nw", southwest = "sw"
  }
  regions = concat([var.aws_region], local.replicas)
  short   = { for region in local.regions : region => format("%s%s%s", split("-", region)[0], local.words[split("-", region)[1]], split("-", region)[2]) }
  names   = { for region in local.regions : region => "${local.name}-${local.short[region]}" }

  replicas = var.enable_global_tables ? var.replica_regions : []

  zones = merge(
    { for region in local.replicas : region => [for zone in var.availability_zones : "${region}${substr(zone, -1, 1)}"] },
    { for region, zones in var.replica_zones : region => zones if contains(local.replicas, region) },
    { (var.aws_region) = var.availability_zones },
  )

  # The home network's range and the next ones of its size, so that networks can be joined later.
  bits   = tonumber(split("/", var.vpc_cidr)[1])
  octets = [for octet in split(".", split("/", var.vpc_cidr)[0]) : tonumber(octet)]
  place  = floor((local.octets[1] * 65536 + local.octets[2] * 256) / pow(2, 32 - local.bits))
  cidrs = { for k, region in local.regions : region => cidrsubnet(
    "${local.octets[0]}.0.0.0/8", local.bits - 8, (local.place + k) % pow(2, local.bits - 8)
  ) }
}
