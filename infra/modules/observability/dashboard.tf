locals {
  # One row of graphs for each part that there is; each graph is metrics in the form of CloudWatch.
  rows = concat(
    var.distribution_id == null ? [] : [{
      title = "Edge", region = "us-east-1"
      graphs = {
        "Requests in a minute"  = [["AWS/CloudFront", "Requests", "DistributionId", var.distribution_id, "Region", "Global", { stat = "Sum" }]]
        "Failing, percent"      = [["AWS/CloudFront", "5xxErrorRate", "DistributionId", var.distribution_id, "Region", "Global", { stat = "Average" }], ["AWS/CloudFront", "4xxErrorRate", "DistributionId", var.distribution_id, "Region", "Global", { stat = "Average" }]]
        "The function's faults" = [["AWS/CloudFront", "LambdaExecutionError", "DistributionId", var.distribution_id, "Region", "Global", { stat = "Sum" }], ["AWS/CloudFront", "LambdaValidationError", "DistributionId", var.distribution_id, "Region", "Global", { stat = "Sum" }]]
      }
    }],
    var.web_acl == null ? [] : [{
      title = "Firewall", region = "us-east-1"
      graphs = {
        "Allowed and blocked"      = [["AWS/WAFV2", "AllowedRequests", "WebACL", var.web_acl, "Rule", "ALL", { stat = "Sum" }], ["AWS/WAFV2", "BlockedRequests", "WebACL", var.web_acl, "Rule", "ALL", { stat = "Sum" }]]
        "Blocked by rate"          = [for rule in ["rate-blocks", "rate-elsewhere"] : ["AWS/WAFV2", "BlockedRequests", "WebACL", var.web_acl, "Rule", rule, { stat = "Sum" }]]
        "Blocked by managed group" = [for rule in ["common", "sqli", "known-bad-inputs", "ip-reputation", "linux", "unix"] : ["AWS/WAFV2", "BlockedRequests", "WebACL", var.web_acl, "Rule", rule, { stat = "Sum" }]]
      }
    }],
    var.function_name == null ? [] : [{
      title = "Region", region = local.region
      graphs = {
        "Blocks in a minute" = [["AWS/Lambda", "Invocations", "FunctionName", var.function_name, { stat = "Sum" }], ["AWS/Lambda", "Errors", "FunctionName", var.function_name, { stat = "Sum" }], ["AWS/Lambda", "Throttles", "FunctionName", var.function_name, { stat = "Sum" }]]
        "Time, ms"           = [for statistic in ["p50", "p99"] : ["AWS/Lambda", "Duration", "FunctionName", var.function_name, { stat = statistic }]]
        "At once"            = [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", var.function_name, { stat = "Maximum" }]]
      }
    }],
    length(var.tables) == 0 ? [] : [{
      title = "Tables", region = local.region
      graphs = {
        "Read units"  = [for table in sort(var.tables) : ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", table, { stat = "Sum" }]]
        "Write units" = [for table in sort(var.tables) : ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table, { stat = "Sum" }]]
        "Throttled"   = [for pair in setproduct(sort(var.tables), ["ReadThrottleEvents", "WriteThrottleEvents"]) : ["AWS/DynamoDB", pair[1], "TableName", pair[0], { stat = "Sum" }]]
      }
    }],
    var.load_balancer == null ? [] : [{
      title = "Media", region = local.region
      graphs = {
        "Flows"        = [["AWS/NetworkELB", "ActiveFlowCount", "LoadBalancer", var.load_balancer.name, { stat = "Average" }], ["AWS/NetworkELB", "NewFlowCount", "LoadBalancer", var.load_balancer.name, { stat = "Sum" }]]
        "Bytes"        = [["AWS/NetworkELB", "ProcessedBytes", "LoadBalancer", var.load_balancer.name, { stat = "Sum" }]]
        "TLS failures" = [["AWS/NetworkELB", "ClientTLSNegotiationErrorCount", "LoadBalancer", var.load_balancer.name, { stat = "Sum" }]]
      }
    }],
  )

  widgets = flatten([for y, row in local.rows : concat(
    [{ type = "text", x = 0, y = 7 * y, width = 24, height = 1, properties = { markdown = "## ${row.title}" } }],
    [for x, title in keys(row.graphs) : {
      type       = "metric", x = 8 * x, y = 7 * y + 1, width = 8, height = 6
      properties = { title = title, region = row.region, period = 60, view = "timeSeries", metrics = row.graphs[title] }
    }],
  )])
}

resource "aws_cloudwatch_dashboard" "this" {
  for_each = toset(length(local.rows) > 0 ? ["this"] : [])

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
