resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of ${var.name}"
  subnet_ids  = values(var.subnets)
  tags        = var.tags
}

resource "aws_db_parameter_group" "this" {
  name        = "${var.name}-postgres${var.engine_version}"
  family      = "postgres${var.engine_version}"
  description = "Measurement history of ${var.name}"
  tags        = var.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # Who came, what waited, what changed the tables; never the values of a query.
  dynamic "parameter" {
    for_each = {
      log_connections                   = "1"
      log_disconnections                = "1"
      log_lock_waits                    = "1"
      log_min_duration_statement        = "1000"
      log_parameter_max_length          = "0"
      log_parameter_max_length_on_error = "0"
      log_statement                     = "ddl"
    }

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's choice; a year of them serves nobody
  for_each = toset(["postgresql", "upgrade"])

  # RDS writes to this name; made here so that it is encrypted and has an end.
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:one zone is the choice of environments that may stand still; production has two
  #checkov:skip=CKV_AWS_293:off where an environment is made to be thrown away; on by default
  depends_on = [aws_cloudwatch_log_group.this]

  identifier     = var.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  multi_az       = var.multi_az
  tags           = merge(var.tags, { Name = var.name })

  db_name                             = "antiphase"
  username                            = "antiphase"
  port                                = 5432
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true
  ca_cert_identifier                  = "rds-ca-rsa2048-g1"

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = var.security_group_ids
  parameter_group_name   = aws_db_parameter_group.this.name
  publicly_accessible    = false

  allocated_storage     = var.storage_gb
  max_allocated_storage = var.most_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  backup_retention_period   = var.backup_days
  backup_window             = "02:30-03:30"
  maintenance_window        = "sun:04:30-sun:05:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = !var.deletion_protection
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.deletion_protection
  final_snapshot_identifier = var.deletion_protection ? "${var.name}-final" : null

  auto_minor_version_upgrade = true
  apply_immediately          = false

  enabled_cloudwatch_logs_exports       = [for group in keys(aws_cloudwatch_log_group.this) : group]
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
}
