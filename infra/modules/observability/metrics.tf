# The service exports to Prometheus; its rules are the ones that promtool checks in deploy/prometheus.
resource "aws_prometheus_workspace" "this" {
  alias       = var.name
  kms_key_arn = var.log_kms_key_arn
  tags        = merge(var.tags, { Name = var.name })
}

resource "aws_prometheus_rule_group_namespace" "this" {
  name         = "antiphase"
  workspace_id = aws_prometheus_workspace.this.id
  tags         = var.tags
  data         = file(var.alert_rules)
}

# Alerts go where alarms go.
resource "aws_prometheus_alert_manager_definition" "this" {
  for_each = toset(var.alert_manager ? ["this"] : [])

  workspace_id = aws_prometheus_workspace.this.id
  definition = yamlencode({
    alertmanager_config = yamlencode({
      route = { receiver = "alarms", group_by = ["alertname"], group_wait = "30s", repeat_interval = "4h" }
      receivers = [{
        name = "alarms"
        sns_configs = [{
          topic_arn = local.topic_arn
          sigv4     = { region = local.region }
          subject   = "{{ .CommonLabels.alertname }}"
        }]
      }]
    })
  })
}

# Reads every pod that carries the annotations of the chart; no agent runs in the cluster.
resource "aws_prometheus_scraper" "this" {
  for_each = var.cluster == null ? {} : { this = var.cluster }

  alias = var.name
  tags  = var.tags

  source {
    eks {
      cluster_arn        = each.value.arn
      subnet_ids         = each.value.subnet_ids
      security_group_ids = each.value.security_group_ids
    }
  }

  destination {
    amp {
      workspace_arn = aws_prometheus_workspace.this.arn
    }
  }

  # A worker's certificate is for the public name, so it is not checked from inside.
  scrape_configuration = yamlencode({
    global = { scrape_interval = "30s" }
    scrape_configs = [{
      job_name              = "antiphase"
      kubernetes_sd_configs = [{ role = "pod" }]
      tls_config            = { insecure_skip_verify = true }
      relabel_configs = [
        { source_labels = ["__meta_kubernetes_pod_annotation_prometheus_io_scrape"], action = "keep", regex = "true" },
        { source_labels = ["__meta_kubernetes_pod_annotation_prometheus_io_scheme"], action = "replace", target_label = "__scheme__", regex = "(https?)" },
        {
          source_labels = ["__meta_kubernetes_pod_ip", "__meta_kubernetes_pod_annotation_prometheus_io_port"]
          action        = "replace"
          target_label  = "__address__"
          regex         = "(.+);(.+)"
          replacement   = "$1:$2"
        },
        { source_labels = ["__meta_kubernetes_pod_name"], action = "replace", target_label = "pod" },
      ]
    }]
  })
}
