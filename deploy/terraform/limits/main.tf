# Whether a choice of nodes and volumes is within what Oracle gives for nothing. It has no provider: what is asked for
# can be checked, and tested, without an account.

variable "nodes" {
  description = "How many nodes there are."
  type        = number
}

variable "ocpus" {
  description = "Cores of a node."
  type        = number
}

variable "memory_gb" {
  description = "Memory of a node in GB."
  type        = number
}

variable "boot_volume_gb" {
  description = "The volume that a node boots from, in GB."
  type        = number
}

variable "volumes" {
  description = "Sizes in GB of the volumes that the cluster will claim. Oracle makes none smaller than 50 GB."
  type        = list(number)
}

variable "enforced" {
  description = "False: what is over is paid for, and that is what is wanted."
  type        = bool
}

locals {
  # Always Free since June 2026.
  free     = { ocpus = 2, memory_gb = 12, disk_gb = 200 }
  smallest = 50
  taken = {
    ocpus     = var.nodes * var.ocpus
    memory_gb = var.nodes * var.memory_gb
    disk_gb   = var.nodes * max(var.boot_volume_gb, local.smallest) + sum(concat([0], [for size in var.volumes : max(size, local.smallest)]))
  }
}

output "taken" {
  description = "What is taken in all."
  value       = local.taken

  precondition {
    condition     = !var.enforced || local.taken.ocpus <= local.free.ocpus
    error_message = "The nodes have ${local.taken.ocpus} OCPU, and ${local.free.ocpus} are free."
  }
  precondition {
    condition     = !var.enforced || local.taken.memory_gb <= local.free.memory_gb
    error_message = "The nodes have ${local.taken.memory_gb} GB of memory, and ${local.free.memory_gb} GB are free."
  }
  precondition {
    condition     = !var.enforced || local.taken.disk_gb <= local.free.disk_gb
    error_message = "Nodes and claims take ${local.taken.disk_gb} GB of disk, and ${local.free.disk_gb} GB are free."
  }
}
