variable "tenancy_id" {
  description = "OCID of the tenancy."
  type        = string
  validation {
    condition     = startswith(var.tenancy_id, "ocid1.tenancy.")
    error_message = "It must be the OCID of a tenancy."
  }
}

variable "compartment_id" {
  description = "OCID of the compartment in which everything is made."
  type        = string
  validation {
    condition     = can(regex("^ocid1\\.(compartment|tenancy)\\.", var.compartment_id))
    error_message = "It must be the OCID of a compartment."
  }
}

variable "region" {
  description = "Where the cluster is, such as eu-frankfurt-1. What is free is free in the home region alone."
  type        = string
}

variable "home_region" {
  description = "The tenancy's home region."
  type        = string
}

variable "name" {
  description = "What everything is called."
  type        = string
  default     = "rondo"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "It must begin with a letter and have 2 to 21 lower-case letters, digits and hyphens."
  }
}

variable "kubernetes_version" {
  description = "As Oracle offers it."
  type        = string
  default     = "v1.34.2"
  validation {
    condition     = can(regex("^v1\\.(3[3-9]|[4-9][0-9])\\.[0-9]+$", var.kubernetes_version))
    error_message = "It must be v1.33.0 or newer."
  }
}

variable "control_plane_cidrs" {
  description = "Who may reach the cluster's API, as CIDRs: your own address and your deployment's."
  type        = list(string)
  validation {
    condition     = length(var.control_plane_cidrs) > 0 && alltrue([for cidr in var.control_plane_cidrs : can(cidrnetmask(cidr))])
    error_message = "It must name at least one CIDR, such as 203.0.113.7/32."
  }
}

variable "nodes" {
  description = "How many nodes of the shape VM.Standard.A1.Flex there are."
  type        = number
  default     = 2
}

variable "node_ocpus" {
  description = "Cores of a node."
  type        = number
  default     = 1
}

variable "node_memory_gb" {
  description = "Memory of a node in GB."
  type        = number
  default     = 6
}

variable "boot_volume_gb" {
  description = "The volume that a node boots from, in GB."
  type        = number
  default     = 50
}

variable "volumes_gb" {
  description = "What the cluster will claim, in GB: Kafka's volume and PostgreSQL's."
  type        = list(number)
  default     = [50, 50]
}

variable "free_tier" {
  description = "True: a plan that would cost something is refused."
  type        = bool
  default     = true
}
