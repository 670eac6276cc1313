output "endpoint" {
  description = "Name of the endpoint."
  value       = aws_sagemaker_endpoint.this.name
}

output "variants" {
  description = "Share of the traffic by variant at the start, in parts of 100; a rollout moves it."
  value       = { for variant, model in var.variants : variant => model.weight }
}

output "invoke_policy" {
  description = "Policy that lets a role ask the models."
  value       = data.aws_iam_policy_document.invoke.json
}

output "rollout_policy" {
  description = "Policy that lets a role move traffic between the variants."
  value       = data.aws_iam_policy_document.rollout.json
}
