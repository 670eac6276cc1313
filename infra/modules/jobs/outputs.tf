output "cluster" {
  description = "Cluster in which jobs run."
  value       = aws_ecs_cluster.this.name
}

output "task" {
  description = "Task definition, with its revision."
  value       = aws_ecs_task_definition.this.arn
}
