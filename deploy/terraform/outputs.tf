output "cluster_id" {
  description = "OCID of the cluster, for `oci ce cluster create-kubeconfig`."
  value       = module.oke.cluster_id
}

output "taken" {
  description = "Cores, memory and disk that are taken of what is free."
  value       = module.limits.taken
}
