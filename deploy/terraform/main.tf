module "limits" {
  source         = "./limits"
  nodes          = var.nodes
  ocpus          = var.node_ocpus
  memory_gb      = var.node_memory_gb
  boot_volume_gb = var.boot_volume_gb
  volumes        = var.volumes_gb
  enforced       = var.free_tier
}

# Public and private subnets of one network, their gateways and rules, a basic cluster, which costs nothing, and one
# pool of nodes. Bastion and operator would be machines of their own.
module "oke" {
  source  = "oracle-terraform-modules/oke/oci"
  version = "5.4.3"
  providers = {
    oci      = oci
    oci.home = oci.home
  }

  tenancy_id     = var.tenancy_id
  compartment_id = var.compartment_id
  region         = var.region
  home_region    = var.home_region

  vcn_name  = var.name
  vcn_cidrs = ["10.0.0.0/16"]

  cluster_name                      = var.name
  cluster_type                      = "basic"
  cni_type                          = "flannel"
  kubernetes_version                = var.kubernetes_version
  control_plane_is_public           = true
  control_plane_allowed_cidrs       = var.control_plane_cidrs
  assign_public_ip_to_control_plane = true

  create_bastion  = false
  create_operator = false

  allow_worker_internet_access = true
  load_balancers               = "public"

  worker_pool_mode        = "node-pool"
  worker_image_os_version = "9"
  worker_pools = {
    a1 = {
      shape            = "VM.Standard.A1.Flex"
      size             = var.nodes
      ocpus            = var.node_ocpus
      memory           = var.node_memory_gb
      boot_volume_size = var.boot_volume_gb
    }
  }
}

# Images may also come from elsewhere: the workflows push to GitHub's registry.
resource "oci_artifacts_container_repository" "images" {
  for_each       = toset(["api", "assistant", "audit", "notifications", "realtime", "recurrence", "relay", "reminders", "tools", "web"])
  compartment_id = var.compartment_id
  display_name   = "${var.name}/${each.key}"
  is_public      = false
}
