resource "aws_launch_template" "this" {
  #checkov:skip=CKV_AWS_88:clients send media to the node of their worker; its group names the ports
  name                   = "${var.name}-node"
  update_default_version = true
  tags                   = var.tags

  network_interfaces {
    associate_public_ip_address = true
    delete_on_termination       = true
    security_groups             = [aws_eks_cluster.this.vpc_config[0].cluster_security_group_id, var.security_group_id]
  }

  # The key of EBS itself: nodes keep nothing, and auto scaling may use no other key unasked.
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 30
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  # One hop: a pod can't read the node's own credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(var.tags, { Name = "${var.name}-node" })
    }
  }
}

resource "aws_eks_node_group" "this" {
  depends_on = [aws_iam_role_policy_attachment.node]

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "media"
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = values(var.public_subnets)
  version         = var.kubernetes_version
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = var.instance_types
  capacity_type   = var.spot ? "SPOT" : "ON_DEMAND"
  labels          = { role = "media" }
  tags            = merge(var.tags, { Name = "${var.name}-media" })

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  scaling_config {
    min_size     = var.nodes
    desired_size = var.nodes
    max_size     = var.most_nodes
  }

  # One node at a time, and only once its sessions have moved.
  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  lifecycle {
    # Load moves it between the bounds.
    ignore_changes = [scaling_config[0].desired_size]
  }
}
